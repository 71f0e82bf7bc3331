"""The interactive view in JupyterLab, driven in headless Chromium as a reader would."""

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = [
    *(name for name in ("ipywidgets", "jupyterlab", "playwright") if importlib.util.find_spec(name) is None),
    *([] if CHROMIUM else ["Chromium"]),
]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)} (make browser)")

CELLS = ["import ketameta as km\nview = km.explore()\nview", "print('k is', view.fit.k, view.fit.measure)"]
SOON = 60_000


def notebook():
    cells = [
        {
            "cell_type": "code",
            "id": f"cell{i}",
            "metadata": {},
            "source": s,
            "outputs": [],
            "execution_count": None,
        }
        for i, s in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def free_port():
    with socket.socket() as wanted:
        wanted.bind(("127.0.0.1", 0))
        return wanted.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Address of a JupyterLab that keeps all its files in a temporary folder."""
    home = tmp_path_factory.mktemp("lab")
    (home / "explore.ipynb").write_text(json.dumps(notebook()), encoding="utf-8")
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "MPLCONFIGDIR")
    environment = {**os.environ, **{name: str(home / name.lower()) for name in folders}}
    environment |= {
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }
    port = free_port()
    options = ("--no-browser", "--allow-root", f"--ServerApp.root_dir={home}", "--IdentityProvider.token=")
    options += ("--LabApp.expose_app_in_browser=True",)
    with (home / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", f"--port={port}", "--ServerApp.port_retries=0", *options],
            env=environment,
            cwd=home,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=1).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        else:
            pytest.fail("JupyterLab did not start:\n" + (home / "log.txt").read_text()[-2000:])
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@pytest.fixture(scope="module")
def page(lab):
    """Page of the notebook, its first cell run."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 1900})
        page.goto(f"{lab}/lab/tree/explore.ipynb?reset")
        page.locator(".jp-CodeCell").first.click(timeout=SOON)
        page.wait_for_selector(
            ".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=SOON, state="attached"
        )
        page.keyboard.press("Shift+Enter")
        page.locator(".ketameta").first.wait_for(timeout=SOON)
        page.locator("img[src^='data:image/svg']").nth(1).wait_for(timeout=SOON)
        yield page
        browser.close()


def control(page, label):
    return page.get_by_label(label, exact=True)


def shown(page):
    """Text of the pooled result, and of the code."""
    return page.locator(".ketameta").first.inner_text(), page.locator("pre[aria-label^='Code']").inner_text()


def wait_for_change(page, before):
    page.wait_for_function(
        "old => document.querySelector('.ketameta')?.innerText !== old", arg=before, timeout=SOON
    )
    page.wait_for_timeout(1000)


def test_a_changed_control_changes_result_figures_and_code(page):
    result, code = shown(page)
    images = [image.get_attribute("src") for image in page.locator("img[src^='data:image/svg']").all()]
    assert "Pooled SMD" in result
    assert "hours=(18, 36)" in code
    control(page, "Time").select_option(label="4 h (2 to 6 h)")
    control(page, "Outcome").select_option(label="Response")
    code_now = "document.querySelector(\"pre[aria-label^='Code']\").innerText"
    page.wait_for_function(
        f"{code_now}.includes('hours=(2, 6)') && {code_now}.includes('response')", timeout=SOON
    )
    page.wait_for_function(
        "old => !old.includes(document.querySelectorAll(\"img[src^='data:image/svg']\")[1]?.src)",
        arg=images,
        timeout=SOON,
    )
    after, code_after = shown(page)
    assert "RR" in after
    assert 'outcome="response"' in code_after
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0


def test_the_next_cell_goes_on_from_what_is_chosen(page):
    control(page, "Outcome").select_option(label="Depression")
    control(page, "Time").select_option(label="24 h (18 to 36 h)")
    page.wait_for_function(
        "document.querySelector('.ketameta').innerText.includes('Pooled SMD')", timeout=SOON
    )
    page.locator(".jp-CodeCell").nth(1).locator(".jp-InputArea").click()
    page.keyboard.press("Shift+Enter")
    said = page.locator("text=/k is \\d+ SMD/").last
    said.wait_for(timeout=SOON)
    k = int(re.search(r"k is (\d+)", said.inner_text())[1])
    assert f"k = {k}" in shown(page)[0]


def test_controls_are_reached_by_the_keyboard(page):
    result, _ = shown(page)
    control(page, "Interval").focus()
    page.keyboard.press("End")
    wait_for_change(page, result)
    assert "Wald" in shown(page)[0]
    page.keyboard.press("Home")
    page.wait_for_function(
        "old => document.querySelector('.ketameta').innerText === old", arg=result, timeout=SOON
    )


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_text_stands_out_from_the_paper_in_every_theme(page, theme, tmp_path):
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached", timeout=SOON)
    page.wait_for_timeout(500)
    picture = tmp_path / "explore.png"
    page.screenshot(path=picture)
    keep = os.environ.get("KETAMETA_SCREENSHOTS")
    if keep:
        shutil.copy(picture, os.path.join(keep, f"{theme.replace(' ', '_')}.png"))
    for selector in (".ketameta", "pre[aria-label^='Code']", ".widget-label"):
        ink, paper = page.evaluate(
            """selector => {
                let node = [...document.querySelectorAll(selector)].find(each => each.offsetParent);
                const ink = getComputedStyle(node).color;
                for (; node; node = node.parentElement) {
                    const paper = getComputedStyle(node).backgroundColor;
                    const parts = paper.match(/[\\d.]+/g).map(Number);
                    if (parts.length < 4 || parts[3] > 0.5) return [ink, paper];
                }
                return [ink, 'rgb(255, 255, 255)'];
            }""",
            selector,
        )
        assert contrast(ink, paper) > 4.5, (selector, ink, paper)


def contrast(ink, paper):
    """Contrast of two colours by WCAG 2."""

    def luminance(colour):
        parts = [float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(ink), luminance(paper)))
    return (high + 0.05) / (low + 0.05)
