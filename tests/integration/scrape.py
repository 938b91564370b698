"""What a server says at its --metrics address."""

import http.client
import re

from server_process import WAIT_SECONDS, wait_for


class Scraped:
    """The text of /metrics: families by name, and samples as {name and labels: value}."""

    def __init__(self, text):
        self.text = text
        self.help = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE))
        self.types = dict(re.findall(r"^# TYPE (\S+) (.+)$", text, re.MULTILINE))
        self.samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                assert name not in self.samples, f"{name} comes twice"
                self.samples[name] = float(value)

    def __getitem__(self, name):
        return self.samples[name]

    def labels(self, family):
        """The names of the labels of a family, `le` of histograms aside."""
        found = set()
        for sample in self.samples:
            if sample.split("{")[0] in (family, family + "_bucket"):
                found |= set(re.findall(r'[{,](\w+)="', sample))
        return found - {"le"}


class MetricsAddress:
    def __init__(self, port):
        self.port = port

    def get(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def scrape(self):
        status, text = self.get("/metrics")
        assert status == 200, text
        return Scraped(text)


def metrics_of(server):
    """Of a server started with --metrics 127.0.0.1:0."""
    found = []

    def says():
        found[:] = re.findall(r"metrics at http://127\.0\.0\.1:(\d+)/metrics", server.log())
        return found

    assert wait_for(says), server.log()
    return MetricsAddress(int(found[0]))
