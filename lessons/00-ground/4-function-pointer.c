/* SPDX-License-Identifier: MIT */
/* 4. A function pointer in a struct | Un pointeur de fonction en structure */
#include <stdio.h>

struct shape {
    double (*area)(const struct shape *self);
};

struct square {
    struct shape shape; /* first member, same address | en tête, même adresse */
    double side;
};

static double square_area(const struct shape *shape)
{
    const struct square *self = (const struct square *)shape;

    return self->side * self->side;
}

static double nothing_area(const struct shape *shape)
{
    (void)shape;
    return 0;
}

int main(void)
{
    struct square square = {{square_area}, 3};
    const struct shape nothing = {nothing_area};
    const struct shape *shapes[] = {&square.shape, &nothing, &square.shape};

    for (int i = 0; i < 3; i++) {
        printf("%.0f\n", shapes[i]->area(shapes[i]));
        square.side = 5;
    }
    return 0;
}
