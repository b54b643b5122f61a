# SPDX-License-Identifier: Apache-2.0
"""Servers of Debian as peers: nginx, h2o, lighttpd, Apache (event), one process each, in the foreground.

A peer's program is looked for in the search path, then in BUILD/peers, where `./dev bench threads-vs-events` unpacks the
packages: nothing is installed and no daemon starts. Its configuration is written into the run's scratch directory: one
process, no log, keep-alive without a limit of requests, the timeouts that knot has by default, enough descriptors,
open files and their attributes cached where the server can, sendfile where it is the faster way for that server. All
send Server, Date, Content-Type, Content-Length, Last-Modified, Accept-Ranges and, but for h2o's form of it, ETag; a
padding header makes a short answer as long as knot's.
Each is started as its own process group leader and killed with its group (load.stop).
"""

import os
import pwd
import resource
import shutil

CONNECTIONS = 19000
HEADER_TIMEOUT, IDLE_TIMEOUT, SEND_TIMEOUT = 20, 60, 30
PADDING = "X-Padding"
# Apache closes keep-alive connections when no thread is free: it gets one for each connection that is expected.
SPARE_THREADS = 64

NGINX = """daemon off;
master_process off;
worker_rlimit_nofile {descriptors};
pid {scratch}/nginx.pid;
error_log /dev/null crit;
events {{ worker_connections {connections}; use epoll; multi_accept on; accept_mutex off; }}
http {{
    access_log off;
    sendfile on;
    tcp_nodelay on;
    open_file_cache max=1000 inactive=3600s;
    open_file_cache_valid 3600s;
    keepalive_requests 1000000000;
    keepalive_timeout {idle}s;
    client_header_timeout {header}s;
    send_timeout {send}s;
    types {{ text/html html; }}
    client_body_temp_path {scratch};
    proxy_temp_path {scratch};
    fastcgi_temp_path {scratch};
    uwsgi_temp_path {scratch};
    scgi_temp_path {scratch};
    server {{
        listen 127.0.0.1:{port} backlog=4096 reuseport;
        root {root};
        {padding}
    }}
}}
"""

H2O = """listen:
  host: 127.0.0.1
  port: {port}
num-threads: 1
max-connections: {connections}
tcp-fastopen: 0
http1-request-timeout: {header}
http1-upgrade-to-http2: OFF
pid-file: {scratch}/h2o.pid
error-log: /dev/null
user: {user}
file.etag: ON
file.mime.settypes:
  text/html: .html
{padding}
hosts:
  default:
    paths:
      /:
        file.dir: {root}
"""

LIGHTTPD = """server.port = {port}
server.bind = "127.0.0.1"
server.document-root = "{root}"
server.errorlog = "/dev/null"
server.modules = ({modules})
server.event-handler = "linux-sysepoll"
server.network-backend = "{backend}"
server.max-fds = {descriptors}
server.max-connections = {connections}
server.listen-backlog = 4096
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = {idle}
server.max-read-idle = {header}
server.max-write-idle = {send}
server.stat-cache-engine = "simple"
mimetype.assign = (".html" => "text/html")
{padding}
"""

APACHE = """ServerRoot "{scratch}"
ServerName localhost
Listen 127.0.0.1:{port}
ListenBackLog 4096
PidFile {scratch}/apache.pid
DefaultRuntimeDir {scratch}
ErrorLog /dev/null
LogLevel crit
User {user}
Group {group}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule mime_module {modules}/mod_mime.so
LoadModule headers_module {modules}/mod_headers.so
StartServers 1
ServerLimit 1
ThreadsPerChild {threads}
ThreadLimit {threads}
MaxRequestWorkers {threads}
AsyncRequestWorkerFactor 400
MaxConnectionsPerChild 0
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout {idle}
Timeout {send}
HostnameLookups Off
EnableSendfile On
TypesConfig /dev/null
AddType text/html .html
DocumentRoot "{root}"
<Directory "{root}">
    AllowOverride None
    Options None
    Require all granted
</Directory>
{padding}
"""


def nginx_padding(value):
    return f'add_header {PADDING} "{value}";'


def h2o_padding(value):
    return f'header.set: "{PADDING}: {value}"'


def lighttpd_padding(value):
    return f'setenv.add-response-header = ("{PADDING}" => "{value}")'


def apache_padding(value):
    return f'Header set {PADDING} "{value}"'


class Peer:
    """A side that starts a server of Debian on a configuration of ours."""

    def __init__(self, name, program, libraries, scratch):
        self.name, self.program, self.scratch = name, program, scratch
        self.padding = 0
        self.expected = 1
        self.libraries = libraries
        self.environment = {"LD_LIBRARY_PATH": libraries} if libraries else {}

    def arguments(self, port):
        template, write_padding, arguments = KINDS[self.name]
        path = os.path.join(self.scratch, f"{self.name}.conf")
        root_user = os.getuid() == 0
        user = "nobody" if root_user else pwd.getpwuid(os.getuid()).pw_name
        modules = os.path.join(self.libraries, "../apache2/modules") if self.libraries else "/usr/lib/apache2/modules"
        words = {"port": port, "root": os.path.join(self.scratch, "www"), "scratch": self.scratch, "user": user,
                 "group": "nogroup" if root_user else f"#{os.getgid()}", "connections": CONNECTIONS,
                 "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[1], "header": HEADER_TIMEOUT, "idle": IDLE_TIMEOUT,
                 "send": SEND_TIMEOUT, "backend": "sendfile",
                 "threads": self.expected + SPARE_THREADS, "modules": os.path.normpath(modules)}
        if self.name == "lighttpd":
            words["modules"] = '"mod_setenv"' if self.padding else ""
        words["padding"] = write_padding("x" * self.padding) if self.padding else ""
        with open(path, "w") as file:
            file.write(template.format(**words))
        return [self.program, *(word.format(conf=path, scratch=self.scratch) for word in arguments)]

    def pad(self, missing):
        """Lets answers be `missing` bytes longer, as far as one header line can."""
        self.padding = max(1, missing - len(PADDING) - len(": \r\n"))


KINDS = {"nginx": (NGINX, nginx_padding, ["-c", "{conf}", "-p", "{scratch}", "-e", "/dev/null"]),
         "h2o": (H2O, h2o_padding, ["-c", "{conf}"]),
         "lighttpd": (LIGHTTPD, lighttpd_padding, ["-D", "-f", "{conf}"]),
         "apache": (APACHE, apache_padding, ["-X", "-f", "{conf}"])}
PROGRAMS = {"apache": "apache2"}


def find(name, build):
    """(program, library folder or None) of a peer, or None."""
    program = PROGRAMS.get(name, name)
    installed = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if installed:
        return installed, None
    tree = os.path.join(os.path.abspath(build), "peers", "usr")
    for folder in ("sbin", "bin"):
        unpacked = os.path.join(tree, folder, program)
        if os.access(unpacked, os.X_OK):
            return unpacked, os.path.join(tree, "lib", "x86_64-linux-gnu")
    return None


def sides(build, scratch):
    """(peers found, names of those missing)."""
    found = {name: find(name, build) for name in KINDS}
    return ([Peer(name, *where, scratch) for name, where in found.items() if where],
            [name for name, where in found.items() if not where])
