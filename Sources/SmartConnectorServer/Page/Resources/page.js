import { ask, bar, button, draft, Fault, h, modePill, notice, pill, plural, say } from "/page/parts.js";
import { wizard } from "/page/wizard.js";

const main = document.getElementById("main");
const account = document.getElementById("account");
const offline = document.getElementById("offline");
let signedIn = null;
let person = null;
let screen = null;

// A screen has what it shows, how it is asked for, and how it is drawn. Each drawing is a whole one; what has the focus,
// what is open and what was typed stays.
function redraw(of) {
  if (of !== screen) return;
  const active = document.activeElement?.id;
  const range = active && "selectionStart" in document.activeElement ? [document.activeElement.selectionStart, document.activeElement.selectionEnd] : null;
  const open = new Map([...main.querySelectorAll("details[id]")].map((details) => [details.id, details.open]));
  main.replaceChildren(...[of.draw()].flat(Infinity).filter(Boolean));
  for (const [id, isOpen] of open) {
    const details = document.getElementById(id);
    if (details) details.open = isOpen;
  }
  const again = active && document.getElementById(active);
  if (again && again !== document.activeElement) {
    again.focus({ preventScroll: true });
    try { if (range && range[0] !== null) again.setSelectionRange(range[0], range[1]); } catch { /* not every field has a selection */ }
  } else if (active && active !== "main" && !again) {
    // What had the focus is gone: it goes on with the next step, else at the heading, and not at the top of the page.
    const next = active.startsWith("step-") ? main.querySelector("[aria-current=step] :is(input, select, textarea, a.button, .button)") : null;
    if (next) { next.focus({ preventScroll: true }); next.scrollIntoView({ block: "nearest" }); }
    else main.querySelector("h1")?.focus({ preventScroll: true });
  }
  document.title = `${of.title()} · SmartConnector`;
}

function isOffline(value) { offline.hidden = !value; }

// Reads what a screen shows, one request at a time; what changes meanwhile is read again. Whoever asks waits for all of it:
// what they see then is not older than their asking.
export function reader(of, path) {
  let reading = null;
  let again = false;
  async function readAll() {
    try {
      do {
        again = false;
        try {
          const value = await ask(path());
          isOffline(false);
          of.fault = null;
          of.show(value);
        } catch (error) {
          if (of !== screen) break;
          if (error instanceof Fault && error.status === 401) { await begin(); break; }
          if (error instanceof Fault) of.fault = error; else isOffline(true);
        }
        redraw(of);
      } while (again && of === screen);
    } finally {
      reading = null;
    }
  }
  return function read() {
    if (reading) again = true;
    reading ??= readAll();
    return reading;
  };
}

// Listens to what happens, and reads once it listens, so that nothing is between.
function listen(of, query) {
  of.events?.close();
  of.query = query;
  // A browser has few connections to a server: a window that nobody sees needs none.
  if (document.hidden) return;
  const events = new EventSource(`/page/events${query}`);
  of.events = events;
  events.addEventListener("open", () => { isOffline(false); of.read(); });
  events.addEventListener("changed", () => of.read());
  events.addEventListener("flow", (event) => { of.happened?.(JSON.parse(event.data)); of.read(); });
  events.addEventListener("error", () => {
    if (of !== screen || of.events !== events) return;
    of.read();
    // What was refused is not tried again by itself.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => { if (of === screen && of.events === events) listen(of, query); }, 3000);
  });
}

document.addEventListener("visibilitychange", () => {
  if (!screen?.query) return;
  if (document.hidden) screen.events?.close(); else listen(screen, screen.query);
});

function enter(next) {
  screen?.leave?.();
  screen?.events?.close();
  screen = next;
  redraw(next);
  main.querySelector("h1")?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

// MARK: Signing in

function signInScreen(reason) {
  let fault = null;
  let isBusy = false;
  const of = {
    title: () => "Sign in",
    draw: () => {
      const submit = async (event) => {
        event.preventDefault();
        const [name, token] = [document.getElementById("name").value, document.getElementById("token").value];
        if (token === "") { fault = "Enter the token that the server was started with."; redraw(of); document.getElementById("token").focus(); return; }
        isBusy = true;
        try {
          await ask("session", { token: token.trim(), name: name.trim() });
          draft.drop("signin-");
          location.hash = "#/";
          await begin();
        } catch (error) {
          fault = error instanceof Fault ? `${error.message}.` : "The server cannot be reached.";
          redraw(of);
          document.getElementById("token").focus();
        } finally { isBusy = false; }
      };
      return h(
        "div", { class: "signin stack" }, h("h1", { tabindex: -1 }, "Sign in"),
        reason ? notice("warn", "This link was used before, or is too old", "Each link signs in once and for ten minutes. Use the server’s token instead.") : null,
        h(
          "form", { class: "card pad stack", on: { submit } },
          h("p", { class: "muted" }, "The token is the one that the server printed at its start, or was given by ", h("code", {}, "--token"), "."),
          h("div", { class: "field" }, h("label", { for: "token" }, "Token"),
            h("input", { id: "token", type: "password", autocomplete: "current-password", "aria-invalid": fault ? "true" : null, "aria-describedby": fault ? "token-error" : null }),
            fault ? h("span", { id: "token-error", class: "error" }, fault) : null),
          h("div", { class: "field" }, h("label", { for: "name" }, "Your name ", h("span", { class: "muted" }, "(optional)")),
            h("input", { id: "name", autocomplete: "username", maxlength: 80, "aria-describedby": "name-help" }),
            h("span", { id: "name-help", class: "help" }, "The history says who has done what.")),
          h("button", { class: "button main", id: "signin", type: "submit", "aria-disabled": isBusy ? "true" : null }, "Sign in")));
    },
  };
  return of;
}

async function signOut() {
  // Who is signed out is told nothing more, and need not ask.
  screen?.events?.close();
  try { await ask("session/end", {}); } catch { isOffline(true); }
  await begin();
}

function drawAccount() {
  account.replaceChildren();
  if (!signedIn) return;
  if (person) account.append(h("span", { class: "who" }, person));
  account.append(button("Sign out", signOut, { id: "signout", kind: "quiet slim" }));
}

// MARK: The list

function listScreen(parameters) {
  let list = null;
  let search = parameters.get("search") ?? "";
  let mode = parameters.get("mode") ?? "";
  let offset = Number(parameters.get("offset") ?? 0) || 0;
  let typing = null;
  const query = () => `?${new URLSearchParams({ search, mode, offset: String(offset) })}`;
  const again = () => {
    const shown = new URLSearchParams([["search", search], ["mode", mode], ["offset", offset ? String(offset) : ""]].filter((pair) => pair[1] !== ""));
    history.replaceState(null, "", `#/${shown.size ? `?${shown}` : ""}`);
    listen(of, query());
  };
  const states = { running: ["Running", "busy"], doubt: ["In doubt", "warn"], failed: ["Failed", "bad"], parked: ["Given up", "bad"] };

  const row = (entry) => {
    const [state, kind] = states[entry.state] ?? ["", ""];
    const steps = entry.steps ? `${entry.done} of ${plural(entry.steps, "step")}` : "No steps";
    return h("li", {}, h(
      "a", { class: "entry", id: `entry-${entry.id}`, href: `#/i/${encodeURIComponent(entry.id)}` },
      h("span", {}, h("span", { class: "name" }, entry.name || "Without a name"), h("span", { class: "under mono" }, entry.id)),
      h("span", { class: "bar" }, entry.steps ? bar(entry.done, entry.steps, `Steps of ${entry.name ?? entry.id}`) : null, h("span", {}, steps)),
      h("span", { class: "version" }, entry.version ?? "–"),
      h("span", { class: "pills" }, state ? pill(state, kind) : null, modePill(entry.mode, entry.updating))));
  };

  const of = {
    fault: null,
    title: () => "Integrations",
    show: (value) => {
      list = value;
      if (offset > 0 && list.rows.length === 0 && list.found > 0) { offset = 0; again(); }
      if (search !== "") say(`${plural(list.found, "integration")} found`);
    },
    leave: () => clearTimeout(typing),
    draw: () => {
      const counts = Object.fromEntries((list?.modes ?? []).map((one) => [one.mode, one.count]));
      const choice = (value, label, count) => h(
        "button", { type: "button", class: "choice", id: `mode-${value || "all"}`, "aria-pressed": String(mode === value), on: { click: () => { mode = value; offset = 0; again(); } } },
        label, list ? h("span", { class: "count" }, count.toLocaleString("en")) : null);
      const first = list && list.found ? list.offset + 1 : 0;
      const last = list ? Math.min(list.offset + list.length, list.found) : 0;
      const page = (to) => () => { offset = to; again(); scrollTo(0, 0); };
      return h(
        "div", { class: "stack" }, h("h1", { tabindex: -1 }, "Integrations"),
        of.fault ? notice("bad", "The list cannot be read", of.fault.message) : null,
        h(
          "div", { class: "tools" },
          h("div", {}, h("label", { for: "search", class: "unseen" }, "Search by name, id, connector or version"),
            h("input", {
              id: "search", type: "search", placeholder: "Search by name, id, connector or version", value: search, autocomplete: "off",
              on: { input: (event) => { search = event.target.value; offset = 0; clearTimeout(typing); typing = setTimeout(again, 150); } },
            })),
          h("div", { class: "choices", role: "group", "aria-label": "Mode" },
            choice("", "All", list?.total ?? 0), choice("install", "Installing", counts.install ?? 0),
            choice("settings", "Installed", counts.settings ?? 0), choice("uninstall", "Uninstalling", counts.uninstall ?? 0))),
        list === null ? h("div", { class: "card empty" }, "Reading…")
          : list.rows.length === 0 ? h("div", { class: "card empty" },
            h("h2", {}, search || mode ? "Nothing found" : "No integrations yet"),
            h("p", {}, search || mode ? "Try another word, or all modes." : "Create one with the command: smartconnector create FILE"))
          : h("ul", { class: "card rows", "aria-label": "Integrations" }, list.rows.map(row)),
        list && list.found > 0 ? h("nav", { class: "pager", "aria-label": "Pages" },
          h("span", {}, `${first.toLocaleString("en")}–${last.toLocaleString("en")} of ${list.found.toLocaleString("en")}`),
          list.found > list.length ? h("span", { class: "row" },
            button("Previous", page(Math.max(0, offset - list.length)), { id: "previous", kind: "slim", disabled: offset === 0 }),
            button("Next", page(offset + list.length), { id: "next", kind: "slim", disabled: last >= list.found })) : null) : null,
        list?.damaged.length ? notice("bad", `${plural(list.damaged.length, "integration")} cannot be read`,
          list.damaged.map((one) => `${one.id}: ${one.reason}`).join("\n")) : null);
    },
  };
  of.read = reader(of, () => `integrations${query()}`);
  of.begin = again;
  return of;
}

// MARK: Which screen

function route() {
  if (signedIn === null) return;
  const [path, parameters] = [location.hash.replace(/^#/, "").split("?")[0], new URLSearchParams(location.hash.split("?")[1] ?? "")];
  if (!signedIn) { enter(signInScreen(path === "/used")); return; }
  const parts = path.split("/").filter(Boolean).map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  if (parts[0] === "i" && parts[1]) {
    if (screen?.integration === parts[1]) { screen.turn(parts[2] ?? "steps"); redraw(screen); main.querySelector("[aria-current=page]")?.focus({ preventScroll: true }); return; }
    const next = wizard(parts[1], parts[2] ?? "steps", redraw);
    next.read = reader(next, () => `integrations/${encodeURIComponent(parts[1])}`);
    enter(next);
    listen(next, `?integration=${encodeURIComponent(parts[1])}`);
    return;
  }
  const next = listScreen(parameters);
  enter(next);
  next.begin();
}

async function begin() {
  try {
    const session = await ask("session");
    [signedIn, person] = [session.signedIn, session.person];
    isOffline(false);
  } catch {
    isOffline(true);
    setTimeout(begin, 1000);
    return;
  }
  drawAccount();
  route();
}

// A menu closes by Escape, and when somebody turns to something else.
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.more[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
});
addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.more[open]")) if (!menu.contains(event.target)) menu.open = false;
});
addEventListener("hashchange", route);
begin();
