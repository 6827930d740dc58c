/* SPDX-License-Identifier: MIT */
/* symbols.c - the symbol table of the running executable, see elf(5). */
#include "cli/timeline/symbols.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
    const char *bytes; /* the file, mapped */
    size_t size;
};

static int first_base(struct dl_phdr_info *info, size_t size, void *base)
{
    (void)size;
    *(ElfW(Addr) *)base = info->dlpi_addr; /* the executable comes first */
    return 1;
}

/* Returns: whether [at, at + size) lies in the file. */
static int holds(const struct image *image, size_t at, size_t size)
{
    return at <= image->size && size <= image->size - at;
}

static ElfW(Addr) find_in(const struct image *image, const ElfW(Shdr) * table,
                          const ElfW(Shdr) * names, const char *name)
{
    const ElfW(Sym) *symbol = (const void *)(image->bytes + table->sh_offset);
    const size_t count = table->sh_size / sizeof *symbol;

    for (size_t i = 0; i < count; i++)
        if (symbol[i].st_shndx != SHN_UNDEF &&
            symbol[i].st_name < names->sh_size &&
            strcmp(image->bytes + names->sh_offset + symbol[i].st_name, name) ==
                0)
            return symbol[i].st_value;
    return 0;
}

static ElfW(Addr) find(const struct image *image, const char *name)
{
    const ElfW(Ehdr) *head = (const void *)image->bytes;
    const ElfW(Shdr) * section;

    if (!holds(image, 0, sizeof *head) ||
        memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
        !holds(image, head->e_shoff, head->e_shnum * sizeof *section))
        return 0;
    section = (const void *)(image->bytes + head->e_shoff);
    for (size_t i = 0; i < head->e_shnum; i++) {
        const ElfW(Shdr) *table = &section[i];

        if (table->sh_type != SHT_SYMTAB || table->sh_link >= head->e_shnum)
            continue;
        if (!holds(image, table->sh_offset, table->sh_size) ||
            !holds(image, section[table->sh_link].sh_offset,
                   section[table->sh_link].sh_size))
            continue;
        return find_in(image, table, &section[table->sh_link], name);
    }
    return 0;
}

static void *find_in_executable(const char *name)
{
    const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct image image = {MAP_FAILED, 0};
    ElfW(Addr) base = 0;
    ElfW(Addr) value = 0;
    struct stat state;

    if (file >= 0 && fstat(file, &state) == 0 && state.st_size > 0) {
        image.size = (size_t)state.st_size;
        image.bytes = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, file, 0);
    }
    if (file >= 0)
        close(file);
    if (image.bytes == MAP_FAILED)
        return NULL;
    value = find(&image, name);
    munmap((void *)image.bytes, image.size);
    dl_iterate_phdr(first_base, &base);
    return value ? (void *)(base + value) : NULL;
}

void *symbols_find(const char *name)
{
    void *exported = dlsym(RTLD_DEFAULT, name);

    return exported ? exported : find_in_executable(name);
}
