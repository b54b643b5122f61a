/* SPDX-License-Identifier: Apache-2.0
 *
 * A library whose constructor takes long: it calls the program (loading.c), which waits there for another thread.
 */
void slow_begins(void);

__attribute__((constructor)) static void begin(void) { slow_begins(); }
