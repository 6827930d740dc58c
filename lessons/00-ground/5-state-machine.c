/* SPDX-License-Identifier: MIT */
/* 5. A state machine | Une machine à états */
#include <stdio.h>

struct light {
    enum { RED, GREEN, ORANGE } state;
};

/* Go one step on, and come back. | Avancer d'un pas, et revenir. */
static const char *step(struct light *self)
{
    switch (self->state) {
    case RED:
        self->state = GREEN;
        return "green";
    case GREEN:
        self->state = ORANGE;
        return "orange";
    default:
        self->state = RED;
        return "red";
    }
}

int main(void)
{
    struct light a = {RED};
    struct light b = {RED};

    printf("a %s\n", step(&a));
    printf("b %s\n", step(&b));
    printf("a %s\n", step(&a));
    printf("a %s\n", step(&a));
    printf("b %s\n", step(&b));
    return 0;
}
