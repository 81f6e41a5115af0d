"""The Kubernetes API, as a pod with a service account token sees it."""

import os
import ssl
from pathlib import Path
from typing import Any

import httpx

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Cluster:
    def __init__(self) -> None:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        self.namespace = (ACCOUNT / "namespace").read_text()
        #: Those of the releases that the suite needs.
        self.release_namespaces = [name for name in os.environ["KET_RELEASE_NAMESPACES"].split(",") if name]
        self._client = httpx.Client(
            base_url=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
            headers={"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}"},
            verify=ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt")),
            timeout=10,
        )

    def close(self) -> None:
        self._client.close()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._client.request(method, path, **options)

    def items(self, namespace: str, kind: str, group: str = "api/v1", **labels: str) -> list[dict[str, Any]]:
        """Objects of a kind with these labels (`component` is short for app.kubernetes.io/component)."""
        selector = ",".join(f"app.kubernetes.io/{name}={value}" for name, value in labels.items())
        answer = self.request("GET", f"/{group}/namespaces/{namespace}/{kind}", params={"labelSelector": selector})
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    def allowed(self, namespace: str, verb: str, resource: str, group: str = "") -> bool:
        """Whether this pod's account may do that: the API server's own answer."""
        name, _, sub = resource.partition("/")
        attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": name, "subresource": sub}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=review)
        assert answer.status_code == 201, answer.text
        return answer.json()["status"]["allowed"]


def is_ready(pod: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
