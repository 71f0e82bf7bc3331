"""The script of the evidence report: it sorts and filters tables; without it the page is complete."""

from __future__ import annotations

__all__ = ["SCRIPT"]

SCRIPT = r"""
(function () {
  "use strict";
  var LONG = 8;

  function value(text) {
    var cell = text.trim().replace(/\u2212/g, "-");
    var time = /^([\d.]+) (h|d)\b/.exec(cell);
    if (time) return Number(time[1]) * (time[2] === "d" ? 24 : 1);
    var share = /^\d+ of \d+ \((\d+)%\)$/.exec(cell);
    if (share) return Number(share[1]);
    var lead = /^[<>\u2248\u2265]?\s*(-?[\d.]+)/.exec(cell.replace(/(\d),(?=\d{3})/g, "$1"));
    return lead ? Number(lead[1]) : NaN;
  }

  function compare(a, b, sign) {
    if (!a.text !== !b.text) return a.text ? -1 : 1;
    var x = value(a.text), y = value(b.text);
    if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1;
    var order = isNaN(x) ? a.text.localeCompare(b.text) : x - y;
    return sign * order || a.place - b.place;
  }

  function sortable(table) {
    var body = table.tBodies[0], heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, column) {
      if (head.tagName !== "TH") return;
      var button = document.createElement("button"), printed = document.createElement("span");
      button.type = "button";
      printed.className = "printed";
      button.textContent = printed.textContent = head.textContent;
      head.replaceChildren(button, printed);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", function () {
        var up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach(function (other) { if (other.tagName === "TH") other.setAttribute("aria-sort", "none"); });
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        Array.from(body.rows).map(function (row, place) {
          var text = row.cells[column].textContent.trim();
          return { row: row, place: place, text: text === "\u2013" ? "" : text };
        }).sort(function (a, b) { return compare(a, b, up ? 1 : -1); })
          .forEach(function (each) { body.appendChild(each.row); });
      });
    });
  }

  function filterable(table, number) {
    var rows = Array.from(table.tBodies[0].rows);
    if (rows.length < LONG) return;
    var box = document.createElement("div"), label = document.createElement("label");
    var input = document.createElement("input"), said = document.createElement("span");
    box.className = "filter";
    input.type = "search";
    input.id = "filter-" + number;
    label.htmlFor = input.id;
    label.textContent = "Show rows with";
    input.setAttribute("aria-label", label.textContent + ", in: " + table.caption.textContent);
    said.setAttribute("role", "status");
    input.addEventListener("input", function () {
      var words = input.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
      rows.forEach(function (row) {
        var text = row.textContent.toLowerCase();
        row.hidden = !words.every(function (word) { return text.indexOf(word) >= 0; });
        shown += row.hidden ? 0 : 1;
      });
      said.textContent = words.length ? shown + " of " + rows.length + " rows" : "";
    });
    box.append(label, input, said);
    table.parentNode.before(box);
  }

  document.querySelectorAll("main table").forEach(function (table, number) {
    if (table.tBodies[0].rows.length > 1) sortable(table);
    filterable(table, number);
  });

  function reachable() {
    document.querySelectorAll(".wide, figure").forEach(function (box) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    });
  }
  reachable();
  window.addEventListener("resize", reachable);
  document.querySelectorAll("details").forEach(function (each) { each.addEventListener("toggle", reachable); });

  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.from(document.querySelectorAll("details:not([open], .account)"));
    opened.forEach(function (each) { each.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (each) { each.open = false; });
  });
})();
"""
