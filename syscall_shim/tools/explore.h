// SPDX-License-Identifier: Apache-2.0
//
// `rondo explore`: looks for a schedule under which a program fails, one process a seed, and when it has found one,
// shrinks it, shows it and writes it to a file that replays it. docs/explore.md is the user's page.
#pragma once

namespace rondo {

// argv[0] is the word `explore`. Returns the exit status.
int explore_main(char** argv);

}  // namespace rondo
