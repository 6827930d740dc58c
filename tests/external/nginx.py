# SPDX-License-Identifier: MIT
"""nginx with everything it needs in one folder, on a free port."""

import os
import socket
import subprocess
import tempfile

from support import (closed_port, kill_group, need, scratch_folder, start,
                     wait_until)

CONFIG = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr warn;
events {{
    worker_connections 4096;
}}
http {{
    access_log off;
    gzip off;
    default_type text/plain;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {folder}/www;
        # A response that went through SSI has no length: nginx sends chunks.
        location /ssi/ {{
            alias {folder}/www/;
            ssi on;
            ssi_types *;
        }}
        location = /moved {{
            return 301 /small;
        }}
        location = /nothing {{
            return 204;
        }}
        location = /unmodified {{
            return 304;
        }}
        location = /dropped {{
            return 444;
        }}
        location = /limited {{
            limit_rate 512k;
            alias {folder}/www/large;
        }}
        location /delay/ {{
            proxy_pass {behind}/;
        }}
        location /delay-keep-alive/ {{
            proxy_pass {behind}/;
            proxy_http_version 1.1;
            proxy_buffering off;
        }}
    }}
}}
"""

FILES = {
    "empty": b"",
    "small": b"Hello from nginx\n",
    "large": bytes(range(256)) * 4096,  # 1 MiB
}


class Nginx:
    """Serves FILES; asks for /delay/... at the URL `behind`."""

    def __init__(self, behind):
        nginx = need("nginx")
        self.folder = scratch_folder()
        os.mkdir(f"{self.folder}/www")
        for name, content in FILES.items():
            with open(f"{self.folder}/www/{name}", "wb") as file:
                file.write(content)
        # nginx cannot take "a free port". One that was free a moment ago may
        # be taken by now: then it exits, and another is tried.
        for _ in range(10):
            with closed_port() as self.port:
                pass
            if self.start(nginx, behind):
                return
        raise AssertionError(f"nginx does not start: {self.words()}")

    def start(self, nginx, behind):
        config = f"{self.folder}/nginx.conf"
        with open(config, "w") as file:
            file.write(CONFIG.format(
                folder=self.folder, port=self.port, behind=behind))
        self.log = tempfile.TemporaryFile()
        self.process = start(
            [nginx, "-p", self.folder, "-c", config, "-e", "stderr"],
            stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT)
        self.url = f"http://127.0.0.1:{self.port}"
        return wait_until(self.answers_or_ended, "nginx to listen") == "answers"

    def answers_or_ended(self):
        if self.process.poll() is not None:
            return "ended"
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except ConnectionRefusedError:
            return None
        # Another program may listen there while nginx is about to exit.
        return "answers" if os.path.exists(f"{self.folder}/pid") else None

    def words(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def stop(self):
        kill_group(self.process)
        self.log.close()
