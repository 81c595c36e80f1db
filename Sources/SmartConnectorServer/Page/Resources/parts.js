// What all screens are made of. Text goes in as text alone, and nothing else is ever made of it.

export function h(tag, props = {}, ...children) {
  const node = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (name === "value") node.value = value;
    else if (name === "checked") node.checked = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// An address that a browser may follow or show: http, https, or a path of this server; null for all others.
export function safeAddress(text) {
  if (typeof text !== "string" || text.trim() === "") return null;
  let address;
  try { address = new URL(text, location.href); } catch { return null; }
  return address.protocol === "http:" || address.protocol === "https:" ? address : null;
}

const shapes = {
  check: "M4 12.5l5 5L20 6.5", alert: "M12 8v5M12 16.5v.5M12 3l9.5 17h-19z", out: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  stop: "M7 7h10v10H7z", more: "M6 12h.01M12 12h.01M18 12h.01", back: "M14 6l-6 6 6 6",
};

export function icon(name) {
  return h("svg:svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, h("svg:path", { d: shapes[name] }));
}

export function button(label, onClick, { id, kind = "", disabled = false, symbol = null, describedby = null } = {}) {
  return h(
    "button",
    {
      id, type: "button", class: `button ${kind}`, "aria-disabled": disabled ? "true" : null, "aria-describedby": describedby,
      on: { click: (event) => { if (!disabled) onClick(event); } },
    },
    symbol && (symbol === "spin" ? h("span", { class: "spin", "aria-hidden": "true" }) : icon(symbol)), label);
}

export function pill(text, kind = "") { return h("span", { class: `pill ${kind}` }, text); }

export function notice(kind, title, body, actions = []) {
  return h(
    "section", { class: `notice ${kind}` }, h("h2", {}, title),
    [body].flat().filter(Boolean).map((text) => (typeof text === "string" ? h("p", { class: "said" }, text) : text)),
    actions.length ? h("div", { class: "row" }, actions) : null);
}

export function bar(done, all, label) {
  const fill = h("i");
  fill.style.width = all > 0 ? `${Math.round((100 * done) / all)}%` : "0";
  return h(
    "span", { class: `track ${done === all && all > 0 ? "full" : ""}`, role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": all || 1, "aria-valuenow": done }, fill);
}

export const modes = {
  install: ["Installing", "next"], settings: ["Installed", "good"], uninstall: ["Uninstalling", "warn"],
};

export function modePill(mode, isUpdating) {
  if (isUpdating) return pill("Updating", "warn");
  const [text, kind] = modes[mode] ?? [mode ?? "No mode", "bad"];
  return pill(text, kind);
}

// Numbers of one kind look alike everywhere.
export function plural(count, one, many = `${one}s`) { return `${count.toLocaleString("en")} ${count === 1 ? one : many}`; }

const dayFormat = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const timeFormat = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
export function day(text) { return dayFormat.format(new Date(text)); }
export function time(text) { return timeFormat.format(new Date(text)); }
export function moment(text) { return text ? `${time(text)} on ${day(text)}` : ""; }
export function duration(milliseconds) {
  if (milliseconds < 1000) return `${milliseconds} ms`;
  if (milliseconds < 60000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.floor(milliseconds / 60000)} min ${Math.round((milliseconds % 60000) / 1000)} s`;
}

export class Fault extends Error {
  constructor(status, error) {
    super(error?.message ?? "The server gave no answer that this page understands.");
    this.status = status;
    this.code = error?.code ?? "unknown";
    this.field = error?.field ?? null;
  }
}

// Asks the server: a GET, or a POST where there is something to send.
export async function ask(path, body, signal) {
  const options = body === undefined
    ? { signal }
    : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal };
  const answer = await fetch(`/page/${path}`, options);
  let json = null;
  try { json = await answer.json(); } catch { json = null; }
  if (!answer.ok || json === null) throw new Fault(answer.status, json?.errors?.[0]);
  return json;
}

export function say(text) {
  const live = document.getElementById("live");
  if (live.textContent !== text) live.textContent = text;
}

// What somebody has typed and not sent yet outlives that the screen is drawn anew.
const drafts = new Map();
export const draft = {
  get: (id) => drafts.get(id), has: (id) => drafts.has(id), set: (id, value) => drafts.set(id, value),
  drop: (prefix) => { for (const id of [...drafts.keys()]) if (id.startsWith(prefix)) drafts.delete(id); },
};

// A field of a form by its description. `prefix` tells forms apart.
export function field(description, prefix, { disabled = false, error = null, onChange = () => {} } = {}) {
  const id = `${prefix}${description.id}`;
  const value = draft.has(id) ? draft.get(id) : description.value;
  const notes = [description.help ? `${id}-help` : null, error ? `${id}-error` : null].filter(Boolean).join(" ") || null;
  const common = {
    id, name: description.id, disabled, required: description.required, "aria-describedby": notes,
    "aria-invalid": error ? "true" : null,
  };
  const keep = (read) => (event) => { draft.set(id, read(event.target)); onChange(); };
  const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  let control;
  switch (description.type) {
    case "checkbox":
      control = h("input", { ...common, type: "checkbox", checked: value === true, on: { change: keep((input) => input.checked) } });
      break;
    case "select": case "multiselect": {
      const many = description.type === "multiselect";
      const chosen = many ? (Array.isArray(value) ? value : []) : [value];
      const options = description.options.map((option, index) =>
        h("option", { value: String(index), selected: chosen.some((one) => one === option.value || String(one) === String(option.value)) }, option.label));
      if (!many && !description.options.some((option) => String(option.value) === String(value))) {
        options.unshift(h("option", { value: "", selected: true }, text === "" ? "Choose…" : text));
      }
      const read = (input) => many
        ? [...input.selectedOptions].map((option) => description.options[Number(option.value)].value)
        : input.value === "" ? value : description.options[Number(input.value)].value;
      control = h("select", { ...common, multiple: many, on: { change: keep(read) } }, options);
      break;
    }
    case "textarea":
      control = h("textarea", { ...common, value: text, on: { input: keep((input) => input.value) } });
      break;
    case "json":
      control = h("textarea", { ...common, disabled: true, class: "mono", value: JSON.stringify(value, null, 2) });
      break;
    default: {
      const number = description.type === "number";
      const type = number ? "text" : ["password", "email", "url", "date"].includes(description.type) ? description.type : "text";
      const read = (input) => (number && input.value.trim() !== "" && Number.isFinite(Number(input.value)) ? Number(input.value) : input.value);
      control = h("input", {
        ...common, type, inputmode: number ? "decimal" : null, value: text, placeholder: description.placeholder,
        autocomplete: type === "password" ? "new-password" : "off", on: { input: keep(read) },
      });
    }
  }
  const help = description.help ? h("span", { id: `${id}-help`, class: "help" }, description.help) : null;
  const fault = error ? h("span", { id: `${id}-error`, class: "error" }, error) : null;
  const label = [description.label, description.required ? h("span", { class: "muted" }, " (required)") : null];
  if (description.type === "checkbox") {
    return h("div", { class: "field wide" }, h("label", { class: "check", for: id }, control, h("span", {}, label)), help, fault);
  }
  const isWide = description.type === "textarea" || description.type === "json";
  return h("div", { class: `field ${isWide ? "wide" : ""}` }, h("label", { for: id }, label), control, help, fault);
}
