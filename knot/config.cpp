// SPDX-License-Identifier: Apache-2.0
//
// See config.h.

#include "knot/config.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

namespace knot {

namespace {

void add_server_options(CLI::App& app, Config& config) {
    app.add_option("--address", config.address, "IPv4 or IPv6 address to listen on")->capture_default_str();
    app.add_option("--port", config.port, "port to listen on; 0: any")->capture_default_str();
    app.add_option("--root", config.root, "directory to serve")->capture_default_str();
    app.add_option("--access-log", config.access_log, "FILE for a line a request in the combined format, or off")
        ->type_name("FILE")
        ->capture_default_str();
}

void add_runtime_options(CLI::App& app) {
    static const char* const kSettings[][3] = {
        {"--workers", "RONDO_WORKERS", "kernel threads that run the connections"},
        {"--io", "RONDO_IO", "how to wait for I/O: auto, epoll, ..."},
        {"--tls", "RONDO_TLS", "whose thread-local variables are: worker, ..."},
        {"--stack", "RONDO_STACK", "address space for a thread's stack that asks for none: 16K to 1G"},
        {"--sched", "RONDO_SCHED", "which thread runs next: fifo, ..."},
    };
    for (const auto& setting : kSettings) {
        const char* variable = setting[1];
        app.add_option_function<std::string>(
               setting[0], [variable](const std::string& value) { setenv(variable, value.c_str(), 1); },
               std::string(setting[2]) + " (" + variable + ")")
            ->type_name("VALUE")
            ->group("Runtime (knot alone)");
    }
}

void add_limits(CLI::App& app, Config& config) {
    const char* const group = "Limits";
    app.add_option("--connections", config.connections, "connections at a time")
        ->check(CLI::Range(1U, 1U << 24))
        ->capture_default_str()
        ->group(group);
    app.add_option("--backlog", config.backlog, "connections that wait to be accepted")
        ->check(CLI::Range(1, 65535))
        ->capture_default_str()
        ->group(group);
    app.add_option("--max-head", config.limits.head, "bytes of a request's head")
        ->check(CLI::Range(256U, 1U << 20))
        ->capture_default_str()
        ->group(group);
    app.add_option("--max-line", config.limits.request_line, "bytes of its first line")
        ->check(CLI::Range(64U, 1U << 20))
        ->capture_default_str()
        ->group(group);
    app.add_option("--max-fields", config.limits.fields, "header fields of a request")
        ->capture_default_str()
        ->group(group);
    app.add_option("--max-body", config.limits.body, "bytes of a request's body, which is read and dropped")
        ->transform(CLI::AsSizeValue(false))
        ->capture_default_str()
        ->group(group);
    app.add_option("--cache", config.cache.bytes, "bytes of the file cache")
        ->transform(CLI::AsSizeValue(false))
        ->capture_default_str()
        ->group(group);
    app.add_option("--small-file", config.cache.small, "bytes up to which a file is held in memory; others by sendfile")
        ->transform(CLI::AsSizeValue(false))
        ->capture_default_str()
        ->group(group);
}

void add_timeouts(CLI::App& app, Config& config) {
    struct Timeout {
        const char* option;
        unsigned& seconds;
        const char* help;
    };
    const Timeout timeouts[] = {
        {"--idle-timeout", config.idle_timeout, "seconds a connection may wait between requests"},
        {"--header-timeout", config.header_timeout, "seconds for a request's head"},
        {"--body-timeout", config.body_timeout, "seconds for a request's body"},
        {"--send-timeout", config.send_timeout, "seconds for an answer, more for a long one (--min-rate)"},
        {"--drain-timeout", config.drain_timeout, "seconds from SIGTERM or SIGINT to the end"},
    };
    for (const Timeout& timeout : timeouts) {
        app.add_option(timeout.option, timeout.seconds, timeout.help)
            ->check(CLI::Range(1U, 86400U))
            ->type_name("SECONDS")
            ->capture_default_str()
            ->group("Timeouts");
    }
    app.add_option("--min-rate", config.min_rate, "bytes a second that a reader must take on average")
        ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40))
        ->capture_default_str()
        ->group("Timeouts");
    app.add_option("--revalidate", config.cache.revalidate,
                   "milliseconds after which a cached file is compared with the disk's")
        ->capture_default_str()
        ->group("Timeouts");
}

}  // namespace

Config parse_arguments(int argc, char** argv, const char* program) {
    Config config;
    CLI::App app("A web server for files: one thread a connection.", program);
    app.set_version_flag("--version", std::string(program) + " " KNOT_VERSION);
    add_server_options(app, config);
    add_runtime_options(app);
    add_limits(app, config);
    add_timeouts(app, config);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wanted) {
        exit(app.exit(wanted));
    } catch (const CLI::ParseError& error) {
        fprintf(stderr, "%s: %s (see %s --help)\n", program, error.what(), program);
        exit(2);
    }
    return config;
}

}  // namespace knot
