"use strict";
// Makes the page's table, and lets it be sorted, searched and opened. It loads nothing and keeps
// nothing. Whatever came from an instance is put into the page as text, and never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = Object.fromEntries(data.columns.map((name, n) => [name, n]));
  const byId = (id) => document.getElementById(id);

  const HEIGHT = 33; // of a row, its line included
  const AROUND = 12; // rows drawn above and below what is seen
  const PRINTED = 500;
  const COLUMNS = [
    ["id", "Instance"], ["group", "Group"], ["zone", "Zone"], ["wave", "Wave"],
    ["outcome", "Outcome"], ["code", "Exit"], ["took", "Time"], ["says", "Says"],
  ];
  const NUMBERS = ["wave", "code", "took"];

  const state = { query: "", outcomes: new Set(), fold: null, by: "outcome", up: true, open: null };
  let shown = [];

  const make = (name, properties = {}, ...children) => {
    const element = document.createElement(name);
    const { data: marks, ...rest } = properties;
    Object.assign(element, rest);
    Object.assign(element.dataset, marks);
    element.append(...children);
    return element;
  };
  const words = (outcome) => data.outcomes[outcome].replaceAll("_", " ");
  const duration = (millis) => {
    if (millis === null) return "";
    const seconds = millis / 1000;
    if (seconds < 10) return seconds.toFixed(1) + "s";
    if (seconds < 60) return Math.floor(seconds) + "s";
    const two = (n) => String(Math.floor(n)).padStart(2, "0");
    if (seconds < 3600) return Math.floor(seconds / 60) + "m" + two(seconds % 60) + "s";
    return Math.floor(seconds / 3600) + "h" + two((seconds / 60) % 60) + "m";
  };
  const cell = (row, name) => {
    const value = row[at[name]];
    if (name === "outcome") return words(value);
    if (name === "took") return duration(value);
    return value === null ? "" : String(value);
  };

  // What a search looks into: outputs once, however many instances share them.
  const lower = data.outputs.map((it) => it.join("\n").toLowerCase());
  const haystacks = data.rows.map((row) => {
    const parts = ["id", "group", "zone", "outcome", "code", "hint", "command"];
    return parts.map((name) => cell(row, name)).join("\n").toLowerCase();
  });

  const compare = (a, b) => {
    const [left, right] = [data.rows[a][at[state.by]], data.rows[b][at[state.by]]];
    if (left === right) return a - b;
    // What is not known stands last, whichever way the rest is sorted.
    if (left === null) return 1;
    if (right === null) return -1;
    return (left < right ? -1 : 1) * (state.up ? 1 : -1);
  };

  const select = () => {
    const query = state.query.trim().toLowerCase();
    const found = query && lower.map((it) => it.includes(query));
    shown = [];
    data.rows.forEach((row, n) => {
      if (state.outcomes.size && !state.outcomes.has(row[at.outcome])) return;
      if (state.fold !== null && row[at.fold] !== state.fold) return;
      if (query && !haystacks[n].includes(query) && !found[row[at.output]]) return;
      shown.push(n);
    });
    shown.sort(compare);
    const all = data.rows.length;
    byId("shown").textContent = shown.length === all ? all + " instances" : shown.length + " of " + all + " instances";
    byId("all").hidden = shown.length === all;
    for (const chip of document.querySelectorAll(".legend li")) {
      const outcome = data.outcomes.indexOf(chip.dataset.outcome);
      chip.setAttribute("aria-pressed", String(state.outcomes.has(outcome)));
    }
    for (const head of document.querySelectorAll("th")) {
      const way = state.up ? "ascending" : "descending";
      head.setAttribute("aria-sort", head.dataset.column === state.by ? way : "none");
    }
    byId("rows").scrollTop = 0;
    draw();
  };

  const tableRow = (n) => {
    const row = data.rows[n];
    const line = make("tr", { data: { row: n } });
    line.setAttribute("aria-selected", String(n === state.open));
    for (const [name] of COLUMNS) {
      const kind = NUMBERS.includes(name) ? "number" : name === "id" ? "mono" : name;
      const one = make("td", { className: kind, textContent: cell(row, name) });
      if (name === "outcome") one.classList.add("o-" + data.outcomes[row[at.outcome]]);
      if (name === "says") one.title = one.textContent;
      line.append(one);
    }
    return line;
  };
  const space = (height) => {
    const one = make("td", { className: "space", colSpan: COLUMNS.length });
    one.style.height = height + "px";
    return make("tr", {}, one);
  };

  // Only what can be seen is in the page: ten thousand rows scroll like ten.
  const draw = (from, to) => {
    const box = byId("rows");
    if (from === undefined) {
      from = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - AROUND);
      to = Math.min(shown.length, Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + AROUND);
    }
    const rows = shown.slice(from, to).map(tableRow);
    const [above, below] = [from * HEIGHT, (shown.length - to) * HEIGHT];
    box.querySelector("tbody").replaceChildren(space(above), ...rows, space(Math.max(0, below)));
  };

  const show = (n) => {
    state.open = n;
    const row = data.rows[n];
    const [stdout, stderr] = data.outputs[row[at.output]];
    const aside = byId("detail");
    const button = (text, label, act) => make("button", { type: "button", textContent: text, ariaLabel: label, onclick: act });
    const facts = [
      ["Group", [cell(row, "group"), cell(row, "zone")].filter(Boolean).join(" / ")],
      ["Wave", cell(row, "wave")], ["Exit code", cell(row, "code")],
      ["Began", row[at.started] === null ? "" : duration(row[at.started]) + " after the start"],
      ["Took", cell(row, "took")], [data.sent[0].toUpperCase() + data.sent.slice(1), cell(row, "command")],
      ["Meaning", cell(row, "hint")],
    ];
    const list = make("dl");
    for (const [label, text] of facts) {
      if (text) list.append(make("dt", { textContent: label }), make("dd", { textContent: text }));
    }
    const outputs = [["stdout", stdout], ["stderr", stderr]].filter(([, text]) => text);
    const blocks = outputs.flatMap(([name, text]) => [make("h4", { textContent: name }), make("pre", { textContent: text })]);
    if (!outputs.length) blocks.push(make("p", { className: "dim", textContent: "No output." }));
    if (row[at.beyond]) blocks.push(make("p", { className: "dim", textContent: row[at.beyond] }));
    aside.replaceChildren(
      make("div", { className: "tools" }, button("↑", "Previous", () => step(-1)), button("↓", "Next", () => step(1)), button("Close", "Close", hide)),
      make("h2", { className: "o-" + data.outcomes[row[at.outcome]], textContent: row[at.id] + " " + cell(row, "outcome") }),
      list, ...blocks,
    );
    aside.hidden = false;
    aside.scrollTop = 0;
    draw();
  };
  const hide = () => {
    byId("detail").hidden = true;
    state.open = null;
    draw();
    byId("rows").focus({ preventScroll: true });
  };
  const step = (by) => {
    const to = shown[shown.indexOf(state.open) + by];
    if (to === undefined) return;
    const [box, top] = [byId("rows"), shown.indexOf(to) * HEIGHT];
    if (top < box.scrollTop) box.scrollTop = top;
    if (top > box.scrollTop + box.clientHeight - 3 * HEIGHT) box.scrollTop = top - box.clientHeight + 3 * HEIGHT;
    show(to);
  };
  const toTable = () => byId("instances").scrollIntoView();

  const head = () => {
    for (const [name, title] of COLUMNS) {
      const kind = NUMBERS.includes(name) ? " number" : "";
      const sort = () => {
        state.up = state.by === name ? !state.up : true;
        state.by = name;
        select();
      };
      const one = make("button", { type: "button", textContent: title, onclick: sort });
      const column = make("th", { scope: "col", className: "c-" + name + kind, data: { column: name } }, one);
      document.querySelector("#rows thead tr").append(column);
    }
  };

  const chips = () => {
    for (const chip of document.querySelectorAll(".legend li")) {
      const outcome = data.outcomes.indexOf(chip.dataset.outcome);
      const toggle = () => {
        if (!state.outcomes.delete(outcome)) state.outcomes.add(outcome);
        select();
      };
      Object.assign(chip, { tabIndex: 0, title: "Show these in the table", onclick: toggle });
      chip.setAttribute("role", "button");
      chip.onkeydown = (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        toggle();
      };
    }
    for (const button of document.querySelectorAll("[data-group]")) {
      const fold = Number(button.dataset.group);
      const n = data.rows.filter((row) => row[at.fold] === fold).length;
      button.textContent = n === 1 ? "Show it in the table" : "Show these " + n + " in the table";
      button.hidden = false;
      button.onclick = () => {
        Object.assign(state, { fold, query: "", outcomes: new Set() });
        byId("search").value = "";
        select();
        toTable();
      };
    }
  };

  // The row of the line under the pointer, and where that line is.
  const laneAt = (y) => {
    let before = 0;
    for (const band of data.bands) {
      const n = Math.floor((y - band.top) / band.lane);
      if (n >= 0 && n < band.size) return { n: data.lanes[before + n], top: band.top + n * band.lane, lane: band.lane };
      before += band.size;
    }
    return null;
  };
  const timeline = () => {
    const drawing = byId("timeline");
    if (!drawing) return;
    const under = byId("under");
    const usual = under.textContent;
    const here = document.createElementNS(drawing.namespaceURI, "rect");
    const units = drawing.viewBox.baseVal;
    here.setAttribute("class", "here");
    here.setAttribute("width", units.width);
    const lane = (event) => {
      const box = drawing.getBoundingClientRect();
      return laneAt(((event.clientY - box.top) / box.height) * units.height);
    };
    drawing.onmousemove = (event) => {
      const found = lane(event);
      if (!found) return;
      const row = data.rows[found.n];
      const parts = ["id", "group", "zone", "outcome", "took", "says"].map((name) => cell(row, name));
      under.textContent = parts.filter(Boolean).join(" · ");
      here.setAttribute("y", found.top);
      here.setAttribute("height", Math.max(found.lane, 2));
      drawing.append(here);
    };
    drawing.onmouseleave = () => {
      under.textContent = usual;
      here.remove();
    };
    drawing.onclick = (event) => {
      const found = lane(event);
      if (found) show(found.n);
    };
  };

  const copy = async () => {
    const text = shown.map((n) => data.rows[n][at.id]).join("\n");
    const button = byId("copy");
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied " + shown.length;
    } catch {
      button.textContent = "The browser does not allow it";
    }
    setTimeout(() => { button.textContent = "Copy ids"; }, 2000);
  };

  byId("instances").hidden = false;
  head();
  chips();
  timeline();
  const later = (act) => {
    let waits = false;
    return () => {
      if (waits) return;
      waits = true;
      requestAnimationFrame(() => { waits = false; act(); });
    };
  };
  byId("rows").onscroll = later(() => draw());
  byId("rows").onclick = (event) => {
    const line = event.target.closest("tr[data-row]");
    if (line) show(Number(line.dataset.row));
  };
  byId("search").oninput = later(() => { state.query = byId("search").value; select(); });
  byId("all").onclick = () => {
    Object.assign(state, { query: "", fold: null, outcomes: new Set() });
    byId("search").value = "";
    select();
  };
  byId("copy").onclick = copy;
  addEventListener("resize", later(() => draw()));
  addEventListener("beforeprint", () => draw(0, Math.min(shown.length, PRINTED)));
  addEventListener("afterprint", () => draw());
  addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input");
    if (event.key === "Escape" && state.open !== null) hide();
    else if (event.key === "/" && !isTyping) { event.preventDefault(); toTable(); byId("search").focus(); }
    else if (["ArrowDown", "ArrowUp"].includes(event.key) && state.open !== null && !isTyping) {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && event.target === byId("rows") && shown.length) show(shown[0]);
  });
  select();
})();
