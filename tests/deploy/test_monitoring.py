"""The alerts and the dashboard: each one names what the service shows, and Prometheus agrees."""

import asyncio
import importlib.util
import json
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import pytest
import yaml

from dragoman.api import metrics_page
from needed import needed
from patience import PATIENCE_S
from ports import free_port
from read_files import DEPLOYED
from service import Service

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
_METRIC = re.compile(r"\bdragoman_[a-z_]+")
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


def named(texts: list[str]) -> set[str]:
    return {_SUFFIX.sub("", name) for text in texts for name in _METRIC.findall(text)}


def generator() -> ModuleType:
    path = DEPLOY / "grafana" / "dashboard.py"
    specification = importlib.util.spec_from_file_location("dashboard", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def expressions() -> list[str]:
    """The expressions of the dashboard and of the alerts."""
    board = json.loads((DEPLOY / "grafana" / "dragoman.json").read_text())
    drawn = [each["expr"] for panel in board["panels"] for each in panel.get("targets", ())]
    assert len(drawn) > 40
    return [*drawn, *re.findall(r"expr: (?:>-\n)?(.*(?:\n {10}.*)*)", alerts())]


def alerts() -> str:
    return (PROMETHEUS / "alerts.yml").read_text()


def test_the_dashboard_is_what_its_panels_make() -> None:
    assert (DEPLOY / "grafana" / "dragoman.json").read_text() == generator().text()


async def test_every_metric_is_shown_somewhere_and_everything_shown_is_a_metric(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    path = tmp_path_factory.mktemp("door") / "admin.sock"
    service = await asyncio.to_thread(
        Service, tmp_path / "data", environment={"DRAGOMAN_ADMIN__SOCKET": str(path)}
    )
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
            session.get("http://admin/metrics") as answer,
        ):
            text = await answer.text()
    finally:
        await asyncio.to_thread(service.stop)
    families = set(re.findall(r"^# TYPE (dragoman_[a-z_]+) ", text, re.MULTILINE))
    shown = named(expressions())
    assert shown - families == set(), "a panel or an alert names what nothing shows"
    assert families - shown == set(), "a metric is in no panel and no alert"
    assert families == {name for name, *_ in metrics_page.rows()}, "docs/metrics.md has all"


@pytest.mark.reads(*DEPLOYED)
def test_prometheus_takes_the_rules_and_each_fires_when_it_should_and_only_then() -> None:
    promtool = needed("promtool")
    for command in (["check", "config", "prometheus.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run(
            [promtool, *command], cwd=PROMETHEUS, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    rules = re.findall(r"- alert: (\w+)", alerts())
    tests = (PROMETHEUS / "alerts_test.yml").read_text()
    assert len(rules) == 18
    for rule in rules:
        assert f"{rule} fires" in tests and f"{rule} rests" in tests


def test_no_host_hides_what_is_wrong_with_another_and_each_alert_names_its_host() -> None:
    rules = yaml.safe_load(alerts())["groups"][0]["rules"]
    for rule in rules:
        sums = re.findall(r"\b(?:avg|count|max|min|sum)\b\s*(\w*\s*(?:\([^)]*\))?)", rule["expr"])
        assert all(by.startswith("by (host") for by in sums), rule["expr"]
        assert rule["annotations"]["summary"].startswith("{{ $labels.host }}: "), rule["alert"]
        assert rule["annotations"]["runbook_url"].endswith(f"#{rule['alert'].lower()}")
    for block in (PROMETHEUS / "prometheus.yml").read_text().split("- targets:")[1:-1]:
        assert "labels: {host: " in block
    hosts = [
        {re.findall(r'host="(\w+)"', each["series"])[0] for each in test["input_series"]}
        for test in yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
        if " fires" in test["name"]
    ]
    assert len(hosts) >= len(rules) and all(len(names) == 2 for names in hosts)


def test_promtool_accepts_the_metrics_of_a_process() -> None:
    promtool = needed("promtool")
    from dragoman import metrics

    body, _ = metrics.exposition("")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=body, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.reads(*DEPLOYED)
async def test_a_real_prometheus_reads_a_running_gateway_and_fires_when_it_is_gone(
    tmp_path: Path,
) -> None:
    prometheus = needed("prometheus")
    port, own = free_port(), free_port()
    service = await asyncio.to_thread(
        Service,
        tmp_path / "data",
        environment={"DRAGOMAN_ADMIN__PORT": str(port)},
    )
    config = (PROMETHEUS / "prometheus.yml").read_text()
    faster = config.replace("127.0.0.1:8479", f"127.0.0.1:{port}").replace("15s", "1s")
    assert faster.count(str(port)) == 1
    (tmp_path / "prometheus.yml").write_text(faster)
    (tmp_path / "alerts.yml").write_text(re.sub(r"for: \w+", "for: 1s", alerts()))
    process = await asyncio.create_subprocess_exec(
        prometheus,
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{own}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )

    async def ask(session: aiohttp.ClientSession, query: str) -> list[dict[str, Any]]:
        try:
            async with session.get(
                f"http://127.0.0.1:{own}/api/v1/query", params={"query": query}
            ) as answer:
                found = (await answer.json())["data"]["result"]
        except (aiohttp.ClientError, KeyError):
            return []
        return list(found)

    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_S):
            while not await ask(session, "dragoman_broker_durable == 1"):
                await asyncio.sleep(0.3)
            firing = {each["metric"]["alertname"] for each in await ask(session, "ALERTS")}
            of_the_machine = {"DragomanDiskLow", "DragomanDiskNearlyFull"}
            assert firing - of_the_machine <= {"DragomanBackupOld"}, (
                "nothing else is wrong on a new host"
            )
            await asyncio.to_thread(service.stop)
            while not await ask(session, 'ALERTS{alertname="DragomanDown",alertstate="firing"}'):
                await asyncio.sleep(0.3)
    finally:
        service.stop()
        process.terminate()
        await process.wait()
