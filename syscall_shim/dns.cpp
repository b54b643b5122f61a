// SPDX-License-Identifier: Apache-2.0
// dns family: names of hosts, services, users and groups, which libc asks servers for, by calls that cannot be seen.
//
// They run on the threads for look-ups while the Rondo thread is parked. What needs no server, because the address is
// written as a number, is answered in place. errno and h_errno come back with the result; libc's static results are
// shared by all threads, as they always are. A look-up thread has resolver options (_res) of its own: what the program
// changes there counts only where it passes them (res_nquery and its kin).
#include <arpa/inet.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <resolv.h>

#include "export.h"
#include "offloaded.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(getaddrinfo);
RONDO_REAL(getgrgid);
RONDO_REAL(getgrgid_r);
RONDO_REAL(getgrnam);
RONDO_REAL(getgrnam_r);
RONDO_REAL(getgrouplist);
RONDO_REAL(gethostbyaddr);
RONDO_REAL(gethostbyaddr_r);
RONDO_REAL(gethostbyname);
RONDO_REAL(gethostbyname2);
RONDO_REAL(gethostbyname2_r);
RONDO_REAL(gethostbyname_r);
RONDO_REAL(getnameinfo);
RONDO_REAL(getpwnam);
RONDO_REAL(getpwnam_r);
RONDO_REAL(getpwuid);
RONDO_REAL(getpwuid_r);
RONDO_REAL(getservbyname);
RONDO_REAL(getservbyname_r);
RONDO_REAL(getservbyport);
RONDO_REAL(getservbyport_r);
RONDO_REGISTERED constinit Real<int(const char*, int, int, unsigned char*, int)> real_res_query("res_query");
RONDO_REGISTERED constinit Real<int(const char*, int, int, unsigned char*, int)> real_res_search("res_search");
RONDO_REGISTERED constinit Real<int(const unsigned char*, int, unsigned char*, int)> real_res_send("res_send");
RONDO_REGISTERED constinit Real<int(res_state, const char*, int, int, unsigned char*, int)> real_res_nquery(
    "res_nquery");
RONDO_REGISTERED constinit Real<int(res_state, const char*, int, int, unsigned char*, int)> real_res_nsearch(
    "res_nsearch");
RONDO_REGISTERED constinit Real<int(res_state, const unsigned char*, int, unsigned char*, int)> real_res_nsend(
    "res_nsend");

template <typename F, typename... Arguments>
auto asked(Real<F>& real, Arguments... arguments) {
    int host_error = h_errno;
    auto result = offload_by(rondo_offload_lookup, [&] {
        h_errno = host_error;
        auto answer = real(arguments...);
        host_error = h_errno;
        return answer;
    });
    h_errno = host_error;
    return result;
}

bool is_number(const char* host) {
    in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

bool needs_no_server(const char* host, const addrinfo* hints) {
    return host == nullptr || (hints != nullptr && (hints->ai_flags & AI_NUMERICHOST) != 0) || is_number(host);
}

}  // namespace

RONDO_EXPORT(int, getaddrinfo, (const char* host, const char* service, const addrinfo* hints, addrinfo** result)) {
    return needs_no_server(host, hints) ? real_getaddrinfo(host, service, hints, result)
                                        : asked(real_getaddrinfo, host, service, hints, result);
}

RONDO_EXPORT(int, getnameinfo,
             (const sockaddr* address, socklen_t length, char* host, socklen_t host_length, char* service,
              socklen_t service_length, int flags)) {
    constexpr int kNumbers = NI_NUMERICHOST | NI_NUMERICSERV;
    return (flags & kNumbers) == kNumbers
               ? real_getnameinfo(address, length, host, host_length, service, service_length, flags)
               : asked(real_getnameinfo, address, length, host, host_length, service, service_length, flags);
}

RONDO_EXPORT(hostent*, gethostbyname, (const char* name)) { return asked(real_gethostbyname, name); }

RONDO_EXPORT(hostent*, gethostbyname2, (const char* name, int family)) {
    return asked(real_gethostbyname2, name, family);
}

RONDO_EXPORT(hostent*, gethostbyaddr, (const void* address, socklen_t length, int family)) {
    return asked(real_gethostbyaddr, address, length, family);
}

RONDO_EXPORT(int, gethostbyname_r,
             (const char* name, hostent* room, char* buffer, size_t length, hostent** result, int* error)) {
    return asked(real_gethostbyname_r, name, room, buffer, length, result, error);
}

RONDO_EXPORT(int, gethostbyname2_r,
             (const char* name, int family, hostent* room, char* buffer, size_t length, hostent** result, int* error)) {
    return asked(real_gethostbyname2_r, name, family, room, buffer, length, result, error);
}

RONDO_EXPORT(int, gethostbyaddr_r,
             (const void* address, socklen_t size, int family, hostent* room, char* buffer, size_t length,
              hostent** result, int* error)) {
    return asked(real_gethostbyaddr_r, address, size, family, room, buffer, length, result, error);
}

RONDO_EXPORT(servent*, getservbyname, (const char* name, const char* protocol)) {
    return asked(real_getservbyname, name, protocol);
}

RONDO_EXPORT(servent*, getservbyport, (int port, const char* protocol)) {
    return asked(real_getservbyport, port, protocol);
}

RONDO_EXPORT(int, getservbyname_r,
             (const char* name, const char* protocol, servent* room, char* buffer, size_t length, servent** result)) {
    return asked(real_getservbyname_r, name, protocol, room, buffer, length, result);
}

RONDO_EXPORT(int, getservbyport_r,
             (int port, const char* protocol, servent* room, char* buffer, size_t length, servent** result)) {
    return asked(real_getservbyport_r, port, protocol, room, buffer, length, result);
}

RONDO_EXPORT(passwd*, getpwnam, (const char* name)) { return asked(real_getpwnam, name); }

RONDO_EXPORT(passwd*, getpwuid, (uid_t user)) { return asked(real_getpwuid, user); }

RONDO_EXPORT(int, getpwnam_r, (const char* name, passwd* room, char* buffer, size_t length, passwd** result)) {
    return asked(real_getpwnam_r, name, room, buffer, length, result);
}

RONDO_EXPORT(int, getpwuid_r, (uid_t user, passwd* room, char* buffer, size_t length, passwd** result)) {
    return asked(real_getpwuid_r, user, room, buffer, length, result);
}

RONDO_EXPORT(group*, getgrnam, (const char* name)) { return asked(real_getgrnam, name); }

RONDO_EXPORT(group*, getgrgid, (gid_t number)) { return asked(real_getgrgid, number); }

RONDO_EXPORT(int, getgrnam_r, (const char* name, group* room, char* buffer, size_t length, group** result)) {
    return asked(real_getgrnam_r, name, room, buffer, length, result);
}

RONDO_EXPORT(int, getgrgid_r, (gid_t number, group* room, char* buffer, size_t length, group** result)) {
    return asked(real_getgrgid_r, number, room, buffer, length, result);
}

RONDO_EXPORT(int, getgrouplist, (const char* user, gid_t first, gid_t* groups, int* count)) {
    return asked(real_getgrouplist, user, first, groups, count);
}

RONDO_EXPORT_UNDECLARED(int, res_query, (const char* name, int class_, int type, unsigned char* answer, int length)) {
    return asked(real_res_query, name, class_, type, answer, length);
}
RONDO_ALIAS(__res_query, res_query);

RONDO_EXPORT_UNDECLARED(int, res_search, (const char* name, int class_, int type, unsigned char* answer, int length)) {
    return asked(real_res_search, name, class_, type, answer, length);
}
RONDO_ALIAS(__res_search, res_search);

RONDO_EXPORT_UNDECLARED(int, res_send,
                        (const unsigned char* message, int message_length, unsigned char* answer, int length)) {
    return asked(real_res_send, message, message_length, answer, length);
}
RONDO_ALIAS(__res_send, res_send);

RONDO_EXPORT_UNDECLARED(int, res_nquery,
                        (res_state state, const char* name, int class_, int type, unsigned char* answer, int length)) {
    return asked(real_res_nquery, state, name, class_, type, answer, length);
}
RONDO_ALIAS(__res_nquery, res_nquery);

RONDO_EXPORT_UNDECLARED(int, res_nsearch,
                        (res_state state, const char* name, int class_, int type, unsigned char* answer, int length)) {
    return asked(real_res_nsearch, state, name, class_, type, answer, length);
}
RONDO_ALIAS(__res_nsearch, res_nsearch);

RONDO_EXPORT_UNDECLARED(int, res_nsend,
                        (res_state state, const unsigned char* message, int message_length, unsigned char* answer,
                         int length)) {
    return asked(real_res_nsend, state, message, message_length, answer, length);
}
RONDO_ALIAS(__res_nsend, res_nsend);
