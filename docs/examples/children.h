// SPDX-License-Identifier: Apache-2.0
//
// The family of a preforking server: children made in advance that live until their parent is told to end. Each
// preforked example supplies the function that its children run.

#ifndef EXAMPLES_CHILDREN_H
#define EXAMPLES_CHILDREN_H

// Forks `count` children; each runs `child(argument)`, which does not return. Then waits for SIGINT or SIGTERM, on
// which it ends all children and the program, with status 0. A child that ends by itself is replaced.
_Noreturn void keep_children(int count, void (*child)(void*), void* argument);

#endif
