"""Asks what can be reached: a line of targets in, a line of answers out.

A target is [protocol, address, port]. The answer is "open" only when the other
end has sent something back. `hold` opens a connection and keeps it, `held`
uses the one that was kept.
"""
import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

TIMEOUT = 1
kept = {}


def connect(address, port):
    return socket.create_connection((address, port), timeout=TIMEOUT)


def answers(connection):
    connection.sendall(b"GET /hostname HTTP/1.0\r\n\r\n")
    return "open" if connection.recv(100) else "ended"


def probe(target):
    protocol, address, port = target
    try:
        if protocol == "udp":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(TIMEOUT)
                client.sendto(b"hostname", (address, port))
                return "open" if client.recvfrom(100) else "ended"
        if protocol == "hold":
            kept[address, port] = connect(address, port)
            return "open"
        if protocol == "held":
            with kept.pop((address, port)) as connection:
                return answers(connection)
        with connect(address, port) as connection:
            return answers(connection)
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return str(error)


with ThreadPoolExecutor(32) as pool:
    for line in sys.stdin:
        print(json.dumps(list(pool.map(probe, json.loads(line)))), flush=True)
