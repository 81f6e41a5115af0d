"""What `api: read`, the default, gives to a suite, and what it does not."""

import os

import pytest


@pytest.fixture(params=["own", "release"])
def namespace(request, cluster, release) -> str:
    return cluster.namespace if request.param == "own" else release


def test_the_suites_own_pod_is_there(cluster):
    names = {pod["metadata"]["name"] for pod in cluster.items(cluster.namespace, "pods")}
    assert os.environ["HOSTNAME"] in names


def test_pods_events_and_logs_can_be_read(cluster, namespace):
    for resource in ("pods", "pods/log", "events", "services", "configmaps"):
        assert cluster.allowed(namespace, "get", resource), resource
        if "/" not in resource:
            assert cluster.allowed(namespace, "list", resource), resource


def test_logs_of_the_service(cluster, release):
    pod = cluster.items(release, "pods", component="api")[0]["metadata"]["name"]
    answer = cluster.request("GET", f"/api/v1/namespaces/{release}/pods/{pod}/log", params={"tailLines": 5})
    assert answer.status_code == 200
    assert answer.text


def test_secrets_are_forbidden(cluster, namespace):
    base = f"/api/v1/namespaces/{namespace}/secrets"
    assert cluster.request("GET", base).status_code == 403
    assert cluster.request("GET", f"{base}/shop-db").status_code == 403


def test_nothing_can_be_changed_or_entered(cluster, namespace):
    for verb, resource, group in (
        ("create", "pods", ""),
        ("delete", "pods", ""),
        ("create", "pods/exec", ""),
        ("get", "pods/exec", ""),
        ("get", "pods/proxy", ""),
        ("get", "services/proxy", ""),
        ("create", "serviceaccounts/token", ""),
        ("patch", "deployments", "apps"),
        ("create", "roles", "rbac.authorization.k8s.io"),
    ):
        assert not cluster.allowed(namespace, verb, resource, group), f"{verb} {resource}"


def test_deleting_is_refused(cluster, release):
    pod = cluster.items(release, "pods", component="api")[0]["metadata"]["name"]
    assert cluster.request("DELETE", f"/api/v1/namespaces/{release}/pods/{pod}").status_code == 403


def test_other_namespaces_stay_closed(cluster):
    assert cluster.request("GET", "/api/v1/namespaces/kube-system/pods").status_code == 403
    assert cluster.request("GET", "/api/v1/pods").status_code == 403
    assert cluster.request("GET", "/api/v1/nodes").status_code == 403
