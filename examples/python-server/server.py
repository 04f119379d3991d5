"""A server of gradients: each round, every worker posts a packet; when the last has come, all get one of the mean."""

import argparse
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from fewbits import compress_top_k, decompress

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--workers", type=int, default=2)
options.add_argument("--elements", type=int, default=101_770, help="numbers of a gradient")
options.add_argument("--ratio", type=float, default=0.01, help="share of the mean that is sent")
options.add_argument("--port", type=int, default=8000)
run = options.parse_args()

gradients, residual, answer = {}, np.zeros(run.elements, np.float32), b""


def average():
    global residual, answer
    mean = np.mean([gradients[rank] for rank in sorted(gradients)], axis=0, dtype=np.float32) + residual
    answer = compress_top_k(mean, ratio=run.ratio)
    residual = mean - decompress(answer)  # error feedback: what was not sent goes into the next round
    gradients.clear()


everyone = threading.Barrier(run.workers, average, timeout=60)


class Worker(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections

    def do_POST(self):  # /RANK
        try:
            rank = int(self.path[1:])
            packet = self.rfile.read(int(self.headers["Content-Length"]))
            gradient = decompress(packet, max_elements=run.elements)
            if gradient.size != run.elements or not 0 <= rank < run.workers:
                raise ValueError(f"{gradient.size} elements of worker {rank}")
            gradients[rank] = gradient
            everyone.wait()
        except ValueError as error:  # a PacketError is one
            return self.send_error(400, str(error))
        except threading.BrokenBarrierError:
            return self.send_error(503, "a worker is missing")
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass  # a line a packet is too much


with ThreadingHTTPServer(("127.0.0.1", run.port), Worker) as server:
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
