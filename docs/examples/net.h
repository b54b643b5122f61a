// SPDX-License-Identifier: Apache-2.0
//
// What every example server and client needs and none of them is about: a port argument, a listening or connected
// socket, writing all of a buffer, and the conversation itself.
//
// The service is the same everywhere, so that the programs differ only in how they do many things at once: what a
// client sends comes back in upper case, until the client ends its side. Functions that have no way to go on end the
// program with a message; the others return -1 with errno set.

#ifndef EXAMPLES_NET_H
#define EXAMPLES_NET_H

#include <stddef.h>

// Prints `what` and the reason to stderr and exits with status 1. The reason is errno, or an error number as pthread
// functions return it.
_Noreturn void fatal(const char* what);
_Noreturn void fatal_error(int error, const char* what);

// The port that a program's argument names, 0 to 65535. Anything else, NULL included, prints the usage and exits
// with 2.
unsigned short parse_port(const char* text, const char* usage);

// How many children or threads an argument asks for, 1 to kMostServers; 4 without an argument.
enum { kMostServers = 1000 };
int parse_count(const char* text, const char* usage);

// A socket bound to the port on all addresses, port 0 being any free one, after the line "listening on port N" was
// printed.
int listen_tcp(unsigned short port);
int bind_udp(unsigned short port);

// A connection to a host's port, both by name or number, or -1.
int connect_tcp(const char* host, const char* port);

// What to do when accept fails: returns when it is worth trying again, after a while if something is short. Ends the
// program if the listener is none.
void accept_failed(void);

// All of the bytes, or -1.
int write_all(int fd, const char* bytes, size_t length);

void upper_case(char* bytes, size_t length);

// Serves one connected client until it ends or fails. The descriptor stays open.
void serve_client(int fd);

#endif
