// SPDX-License-Identifier: Apache-2.0
//
// The echo server with std::thread: pthread_create is called by libstdc++, not by the program. Its argument is the
// port.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

void echo(int fd) {
    std::array<char, 512> buffer;
    ssize_t n;
    while ((n = read(fd, buffer.data(), buffer.size())) > 0 && write(fd, buffer.data(), static_cast<size_t>(n)) == n) {
    }
    close(fd);
}

}  // namespace

int main(int argc, char** argv) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(argc == 2 ? std::atoi(argv[1]) : 0));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener, 64) != 0) {
        std::perror("listen");
        return 1;
    }
    for (int fd; (fd = accept(listener, nullptr, nullptr)) >= 0;) {
        std::thread(echo, fd).detach();
    }
    std::perror("accept");
    return 1;
}
