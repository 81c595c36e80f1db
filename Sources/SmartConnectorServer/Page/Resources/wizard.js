// One integration: its steps, its settings, its history, and how it is removed.
import { ask, bar, button, day, draft, duration, Fault, field, h, icon, modePill, moment, notice, pill, plural, safeAddress, say, time } from "/page/parts.js";

export function wizard(id, begun, redraw) {
  let tab = begun;
  let it = null;
  // What came of what was asked last, by what it was about: `step-0`, `settings`, `all`.
  let busy = null;
  let fault = null;
  let entries = null;
  let plan = null;
  let planFault = null;
  let isSaved = false;
  let unwritten = [];
  let agreed = false;
  const path = `integrations/${encodeURIComponent(id)}`;
  const link = (name) => `#/i/${encodeURIComponent(id)}${name === "steps" ? "" : `/${name}`}`;

  async function act(about, body, then = () => {}) {
    [busy, fault, isSaved, unwritten] = [about, null, false, []];
    redraw(of);
    try {
      const answer = await ask(`${path}/act`, body);
      if (answer.outcome === "stopped" && answer.failure) fault = { about, ...answer.failure, field: answer.field };
      await then(answer);
    } catch (error) {
      fault = { about, code: error.code ?? "unreachable", message: error instanceof Fault ? error.message : "The server cannot be reached.", field: error.field };
    }
    busy = null;
    await of.read();
    redraw(of);
  }

  async function readMore() {
    try {
      if (tab === "history" || it?.gone) entries = await ask(`${path}/history`);
      if (tab === "uninstall" && it && !it.gone) { const answer = await ask(`${path}/plan?goal=uninstall`); [plan, planFault] = [answer.actions, answer.fault]; }
    } catch (error) {
      if (tab === "uninstall") [plan, planFault] = [null, error.message];
    }
    redraw(of);
  }

  const may = (command) => it.legal.includes(command);
  const isDriven = () => it.driver !== null || it.own || busy !== null;
  const titleOf = (step) => step.name || `Step ${step.index + 1}`;
  const about = (call) => (call.step !== null && it.steps[call.step] ? `“${titleOf(it.steps[call.step])}”` : call.kind === "update" ? "the update" : call.function);
  const faultOf = (name) => (fault?.about === name ? notice("bad", "This was not done", fault.message) : null);

  // MARK: What a person has to know first

  function reasons(about) {
    const error = fault?.about === about ? fault.message : null;
    return h("div", { class: "field" }, h("label", { for: `${about}-reason` }, "How do you know?"),
      error ? h("span", { id: `${about}-error`, class: "error" }, error) : null,
      h("input", { id: `${about}-reason`, "aria-invalid": error ? "true" : null, "aria-describedby": error ? `${about}-error` : null, value: draft.get(`${about}-reason`) ?? "", autocomplete: "off", placeholder: "Looked into the other system: it is there", on: { input: (event) => draft.set(`${about}-reason`, event.target.value) } }));
  }

  function notices() {
    const all = [];
    if (it.fault) all.push(notice("bad", "This integration cannot be driven", it.fault));
    if (it.functionsFault) all.push(notice("warn", "The connector’s functions are not known", it.functionsFault));
    if (it.missing.length) all.push(notice("bad", "Functions are missing", `The document names what the connector does not have, so that nothing is called: ${it.missing.join(", ")}.`));
    if (it.driver && !it.own) all.push(notice("busy", "Somebody else is at it", `${it.driver.holder}${it.call ? `: ${about(it.call)} since ${time(it.call.started)}` : ""}. What they do is shown here.`,
      [button("Take it away from them", () => act("all", { act: "unlock" }), { id: "unlock", kind: "slim" })]));
    if (it.parked) all.push(notice("bad", "Given up", it.parked.reason, it.driver ? [] : [button("Take it up again", () => act("all", { act: "resume" }), { id: "resume", kind: "main", disabled: busy !== null })]));
    if (it.doubt) all.push(doubt());
    if (it.returned && !it.driver && !it.parked) all.push(notice("warn", `Not written down yet: ${about(it.returned)}`, "It is known to have done its work, and the document does not say so yet. It is not called again.",
      [button("Go on", () => goOn(it.returned), { id: "returned-on", kind: "main", disabled: busy !== null })]));
    if (it.updating && it.reopened) all.push(notice("warn", "The update has reopened the installation", "What is open below comes first; then the update goes on."));
    else if (it.updating) all.push(updating());
    if (it.trouble && !fault) all.push(notice("bad", "It stopped", it.trouble.message));
    if (it.leftovers.length && it.mode === "uninstall") all.push(notice("warn", "Some things are left in other systems", `${plural(it.leftovers.length, "thing")} that its functions made are not known to be gone. They are listed under Uninstall.`));
    const free = it.failure && it.failure.step === null && !it.updating ? it.failure : null;
    if (free && free.kind !== "setting") all.push(notice("bad", `Failed: ${about(free)}`, free.message, it.driver ? [] : [button("Try again", () => act("all", { act: "run" }), { id: "again", kind: "main", disabled: busy !== null })]));
    if (fault?.about === "all") all.push(faultOf("all"));
    return all;
  }

  // Writes down what is known, and does nothing beyond the step that it is about.
  function goOn(call) {
    return act("all", it.mode === "install" && call.step !== null ? { act: "install", step: call.step } : { act: "run" });
  }

  function doubt() {
    const call = it.doubt;
    const say = (tookEffect) => () => {
      const reason = (draft.get("doubt-reason") ?? "").trim();
      if (reason === "") {
        fault = { about: "doubt", message: "Say how you know: the history keeps it." };
        redraw(of);
        document.getElementById("doubt-reason").focus();
        return;
      }
      act("doubt", { act: "resolve", tookEffect, reason }, (answer) => {
        if (answer.outcome !== "done") return null;
        draft.drop("doubt-");
        return goOn(call);
      });
    };
    return notice(
      "warn", `In doubt: ${about(it.doubt)}`,
      [`It was called at ${moment(it.doubt.started)} and never returned, so that nobody knows whether it took effect. Look into the other system, and say what you found.`,
        reasons("doubt")],
      [button("It did its work", say(true), { id: "doubt-done", disabled: busy !== null }),
        button("It did not: call it again", say(false), { id: "doubt-again", disabled: busy !== null }),
        may("complete") || it.mode === "install" ? button("Go on: it may be called again", () => act("all", { act: "run" }), { id: "doubt-run", kind: "quiet", disabled: busy !== null }) : null].filter(Boolean));
  }

  function updating() {
    const failure = it.failure && it.failure.kind === "update" || it.failure?.step === null ? it.failure : null;
    const title = failure ? "The update failed" : `An update${it.target ? ` to ${it.target}` : ""} is in progress`;
    const text = failure ? `${failure.message}\nThe version is still ${it.version ?? "none"}. See to it and go on, or give the update up: settings and steps are then as before.` : "Settings are locked until it is done.";
    return notice(failure ? "bad" : "busy", title, text, isDriven() ? [] : [
      button(failure ? "Try again" : "Go on", () => act("all", { act: "resume" }), { id: "update-on", kind: "main" }),
      may("abortUpdate") ? button("Give the update up", () => act("all", { act: "abortUpdate" }), { id: "update-abort" }) : null].filter(Boolean));
  }

  // MARK: Steps

  function logo(step) {
    const name = titleOf(step);
    const hash = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) >>> 0, 7);
    const tile = h("span", { class: `logo t${hash % 6}`, "aria-hidden": "true" }, [...name.replace(/[^\p{L}\p{N}]/gu, "")][0]?.toUpperCase() ?? "•");
    const address = safeAddress(step.image);
    // A path is one of integrator.io's own, which is not here.
    if (address && address.origin !== location.origin) {
      const image = h("img", { src: address.href, alt: "", referrerpolicy: "no-referrer", loading: "lazy" });
      image.addEventListener("error", () => image.remove());
      image.addEventListener("load", () => tile.replaceChildren(image), { once: true });
      tile.append(image);
    }
    return tile;
  }

  function stateOf(step) {
    const call = it.call && it.call.step === step.index ? it.call : null;
    if (call) return ["running", it.undoing ? "Being undone" : "Running", "busy"];
    if (it.doubt?.step === step.index) return ["doubt", "In doubt", "warn"];
    if (step.leftBehind) return ["left", "Left behind", "warn"];
    if (it.failure?.step === step.index && !step.done) return ["failed", "Failed", "bad"];
    if (step.done) return ["done", step.undoing ? "Undone" : "Done", step.undoing ? "" : "good"];
    if (step.current) return ["current", step.undoing ? "Next to be undone" : step.installer ? "Next" : "Waits for you", "next"];
    return ["later", step.undoing ? "To be undone" : "Later", ""];
  }

  function stepCard(step) {
    const [state, label, kind] = stateOf(step);
    const key = `step-${step.index}`;
    const isNow = ["current", "failed", "running"].includes(state);
    const isBusy = busy === key || state === "running";
    const address = safeAddress(step.link);
    const title = titleOf(step);
    const body = [
      h("div", {},
        h("div", { class: "title" }, h("h3", { id: `${key}-title` }, title), h("div", { class: "marks" }, pill(label, kind), others(step, key, state))),
        step.description ? h("p", { class: "about" }, step.description) : null,
        step.link && !address ? h("p", { class: "about" }, `Go to: ${step.link}`) : null),
    ];
    if (state === "failed") body.push(h("div", { class: "notice bad", id: `${key}-failure` }, h("h3", {}, it.failure.attempt > 1 ? `Attempt ${it.failure.attempt} failed` : "It did not work"),
      h("p", { class: "said" }, it.failure.message), h("p", { class: "small" }, "See to it, then try again. ", h("span", { class: "muted" }, "Code: ", h("code", {}, it.failure.code)))));
    if (fault?.about === key && state !== "failed") body.push(notice("bad", "This was not done", fault.message));
    if (isNow && !step.undoing && it.mode === "install" && !it.fault) body.push(...ways(step, key, state, isBusy, address, title));
    if (isNow && step.undoing && !isDriven()) body.push(h("div", { class: "row" }, button(state === "failed" ? "Try again" : "Go on", () => act(key, { act: "run" }), { id: `${key}-go`, kind: "main" })));
    return h("li", { class: `card step ${state}`, "aria-current": isNow ? "step" : null, "aria-labelledby": `${key}-title`, id: key }, logo(step), h("div", { class: "body" }, body));
  }

  // What is to be done for the step that is next.
  function ways(step, key, state, isBusy, address, title) {
    const hasForm = step.form.length > 0;
    const isLocked = isDriven();
    const parts = [];
    const values = () => Object.fromEntries(step.form.map((one) => [one.id, draft.has(`${key}-${one.id}`) ? draft.get(`${key}-${one.id}`) : one.value]));
    const install = () => {
      const open = step.form.find((one) => one.required && [null, undefined, ""].includes(values()[one.id]));
      if (open) {
        fault = { about: key, message: `${open.label} is missing.`, field: open.id };
        redraw(of);
        document.getElementById(`${key}-${open.id}`)?.focus();
        return;
      }
      act(key, { act: "install", step: step.index, ...(hasForm ? { form: values() } : {}) });
    };
    if (hasForm) parts.push(h("fieldset", { class: "fields", disabled: isLocked }, h("legend", { class: "unseen" }, title),
      step.form.map((one) => field(one, `${key}-`, { disabled: isLocked, error: fault?.about === key && fault.field === one.id ? fault.message : null }))));
    const buttons = [];
    if (address) buttons.push(h("a", { class: `button ${state === "failed" ? "" : "main"}`, id: `${key}-link`, href: address.href, target: "_blank", rel: "noopener noreferrer" },
      `Open ${address.origin === location.origin ? title : address.host}`, icon("out"), h("span", { class: "unseen" }, " (in another tab)")));
    if (step.installer) {
      const words = isBusy ? "Working…" : state === "failed" ? "Try again" : address ? "I have done it: verify" : hasForm ? "Save and install" : "Install";
      buttons.push(button(words, install, { id: `${key}-go`, kind: address && state !== "failed" ? "" : "main", disabled: isLocked, symbol: isBusy ? "spin" : null, describedby: `${key}-title` }));
    } else {
      buttons.push(button("I have done it", () => act(key, { act: "complete", step: step.index }), { id: `${key}-go`, kind: "main", disabled: isLocked, describedby: `${key}-title` }));
    }
    if (isBusy && it.own) buttons.push(button("Stop", () => act(key, { act: "stop" }), { id: `${key}-stop`, symbol: "stop" }));
    parts.push(h("div", { class: "row" }, buttons));
    return parts;
  }

  function others(step, key, state) {
    if (isDriven() || it.fault) return null;
    const all = [];
    if (may("reset") && (step.completed || step.mayExist)) all.push(button("Run it anew", () => act(key, { act: "reset", step: step.index }), { id: `${key}-reset`, kind: "slim", describedby: `${key}-title` }));
    if (may("complete") && !step.done && step.current && (step.installer || step.undoing)) all.push(button(step.undoing ? "Take it as undone" : "Take it as done", () => act(key, { act: "complete", step: step.index }), { id: `${key}-complete`, kind: "slim", describedby: `${key}-title` }));
    if (!all.length) return null;
    return h("details", { class: "more", id: `${key}-more` }, h("summary", {}, icon("more"), h("span", { class: "unseen" }, `More about ${titleOf(step)}`)), h("div", { class: "menu" }, all));
  }

  function steps() {
    const open = it.steps.filter((step) => !step.done).length;
    const done = it.steps.length - open;
    const isInstalling = it.mode === "install";
    const waits = it.steps.find((step) => !step.done);
    // Those for which nobody has to be asked, up to the first for which somebody has.
    const ahead = waits ? it.steps.slice(waits.index).filter((step) => !step.done) : [];
    const asking = ahead.findIndex((step) => step.form.length || step.link || !step.installer);
    const free = asking < 0 ? ahead.length : asking;
    const canAll = isInstalling && !it.fault && !it.missing.length && !it.doubt && !it.parked && free > 1;
    const isRunning = it.own || busy === "all";
    const word = it.mode === "uninstall" ? "undone" : "done";
    return [
      h("div", { class: "spread" },
        it.steps.length ? h("div", { class: "progress" }, h("span", { class: "small muted", id: "progress" }, `${done} of ${plural(it.steps.length, "step")} ${word}`), bar(done, it.steps.length, `Steps ${word}`)) : h("span"),
        isRunning && isInstalling ? it.call ? null : h("div", { class: "row actions" }, button("Stop", () => act("all", { act: "stop" }), { id: "stop", symbol: "stop" }))
          : canAll ? h("div", { class: "row actions" }, button(free === open && done === 0 ? "Install all steps" : free === open ? `Install the remaining ${free} steps` : `Install the next ${free} steps`, () => act("all", { act: "install" }), { id: "install-all", disabled: isDriven() })) : null),
      it.mode === "settings" && !it.updating ? notice("good", "Installed", "All is set up. What it does is decided by its settings.", [h("a", { class: "button slim", href: link("settings"), id: "to-settings" }, "Settings")]) : null,
      it.steps.length === 0 && isInstalling && !it.fault ? h("div", { class: "card empty" }, h("h2", {}, "No steps yet"), h("p", {}, "The connector’s own installer writes them."),
        h("div", {}, button("Begin", () => act("all", { act: "run" }), { id: "begin", kind: "main", disabled: isDriven() }))) : null,
      isInstalling && it.steps.length && open === 0 && !isRunning ? notice("good", "All steps are done", "One thing is left: to take it as installed.", [button("Finish", () => act("all", { act: "run" }), { id: "finish", kind: "main", disabled: isDriven() })]) : null,
      h("ol", { class: "steps", "aria-label": "Steps" }, it.steps.map(stepCard)),
    ];
  }

  // MARK: Settings

  function settings() {
    const isLocked = !may("saveSettings") || isDriven();
    const all = it.settings.flatMap((section) => section.fields);
    const same = (one) => JSON.stringify(draft.get(`set-${one.id}`)) === JSON.stringify(one.value);
    const changed = () => all.filter((one) => draft.has(`set-${one.id}`) && !same(one));
    const why = it.updating ? "Settings are locked while an update is in progress."
      : it.mode === "install" ? "Settings can be changed once the installation is done."
      : it.mode === "uninstall" ? "It is being uninstalled: settings can no longer be changed."
      : isDriven() && busy === null ? "Somebody is at it: settings can be changed when they are done." : null;
    const submit = (event) => {
      event.preventDefault();
      if (isLocked || busy) return;
      const values = Object.fromEntries(changed().map((one) => [one.id, draft.get(`set-${one.id}`)]));
      if (!Object.keys(values).length) return;
      act("settings", { act: "saveSettings", values }, (answer) => {
        if (answer.outcome !== "done") { say("The settings were not saved"); return; }
        draft.drop("set-");
        isSaved = true;
        unwritten = answer.unwritten ?? [];
        say("The settings are saved");
      }).then(() => { if (fault?.field) document.getElementById(`set-${fault.field}`)?.focus(); });
    };
    if (!all.length) return [why ? notice("", why) : null, h("div", { class: "card empty" }, h("h2", {}, "No settings"), h("p", {}, "This integration has nothing to set."))];
    const count = changed().length;
    const status = () => h("span", { id: "settings-state", class: "muted small" }, isSaved ? "Saved." : count ? `${plural(count, "change")} not saved yet` : "No changes");
    const update = () => {
      isSaved = false;
      const state = document.getElementById("settings-state");
      const number = changed().length;
      if (state) state.textContent = number ? `${plural(number, "change")} not saved yet` : "No changes";
    };
    return [
      why ? notice(it.updating ? "warn" : "", "Locked", why) : null,
      fault?.about === "settings" ? notice("bad", "The settings were not saved", fault.field ? "Look at the field that is marked below." : fault.message) : null,
      unwritten.length ? notice("warn", "Accepted, and not in the document", `The connector’s persistSettings accepted the change and is to write where the fields stand, and did not: ${unwritten.join(", ")}.`) : null,
      h("form", { class: "card", novalidate: true, on: { submit }, "aria-label": "Settings" },
        it.settings.map((section) => h("fieldset", { class: "pad", disabled: isLocked }, h("legend", {}, section.title),
          h("div", { class: "fields" }, section.fields.map((one) => field(one, "set-", { disabled: isLocked, onChange: update, error: fault?.about === "settings" && fault.field === one.id ? fault.message : null }))))),
        h("div", { class: "savebar" }, status(), h("button", { class: "button main", type: "submit", id: "save", "aria-disabled": isLocked || busy ? "true" : null }, busy === "settings" ? [h("span", { class: "spin", "aria-hidden": "true" }), "Saving…"] : "Save settings"))),
    ];
  }

  // MARK: Updates, history, removal

  function updates() {
    if (!may("update") || it.updating) return null;
    // Nobody knows which versions there are: whoever is here does.
    if (!it.versions.length && it.anyVersion) return h("details", { class: "more wide", id: "update-more" }, h("summary", { class: "button" }, "Update…"),
      h("form", { class: "menu", on: { submit: (event) => { event.preventDefault(); act("all", { act: "update", version: document.getElementById("version").value.trim() }); } } },
        h("div", { class: "field" }, h("label", { for: "version" }, "Version to update to"), h("input", { id: "version", autocomplete: "off", placeholder: "1.1.0" })),
        h("button", { class: "button main", type: "submit", id: "update" }, "Update")));
    if (!it.versions.length) return null;
    const newest = it.versions[it.versions.length - 1];
    return button(`Update to ${newest}`, () => act("all", { act: "update", version: newest }), { id: "update", disabled: isDriven(), kind: "" });
  }

  function planned() {
    const isBegun = it.mode === "uninstall";
    const isRunning = it.own || busy === "uninstall";
    const parts = [];
    if (it.updating && !isBegun) return [notice("warn", "Not while an update is in progress", "Finish the update, or give it up, first.")];
    parts.push(h("section", { class: "card pad stack" },
      h("div", {}, h("h2", {}, isBegun ? "What is still to be done" : "What will be done"), h("p", { class: "muted" }, "In this order. Each is undone by the connector; what fails stops it there, and can be tried again.")),
      planFault ? notice("bad", "There is no plan", planFault) : null,
      plan ? h("ol", { class: "plan", id: "plan" }, plan.map((one) => h("li", {}, h("span", {}, one.text, one.function ? h("span", { class: "muted small" }, " ", h("code", {}, one.function)) : null),
        one.missing ? pill("Missing", "bad") : one.mayExist ? pill("May exist", "warn") : h("span")))) : planFault ? null : h("p", { class: "muted" }, "Reading…")));
    if (fault?.about === "uninstall") parts.push(faultOf("uninstall"));
    if (isBegun) {
      parts.push(h("div", { class: "row actions" },
        button(isRunning ? "Undoing…" : it.failure ? "Try again" : "Go on", () => act("uninstall", { act: "uninstall" }), { id: "uninstall-go", kind: "danger", disabled: isDriven(), symbol: isRunning ? "spin" : null }),
        may("cancelUninstall") ? button("Keep it after all", () => act("uninstall", { act: "cancelUninstall" }), { id: "uninstall-cancel", disabled: isDriven() }) : null,
        it.own ? button("Stop", () => act("uninstall", { act: "stop" }), { id: "uninstall-stop", symbol: "stop" }) : null));
    } else if (plan) {
      parts.push(h("section", { class: "card pad stack" },
        h("label", { class: "check", for: "agree" }, h("input", { id: "agree", type: "checkbox", checked: agreed, on: { change: (event) => { agreed = event.target.checked; redraw(of); } } }),
          `Remove ${it.name || "this integration"} and what it made`),
        h("div", { class: "row actions" }, button(isRunning ? "Undoing…" : "Uninstall", () => act("uninstall", { act: "uninstall" }), { id: "uninstall-go", kind: agreed ? "danger" : "", disabled: !agreed || isDriven() || !may("beginUninstall"), symbol: isRunning ? "spin" : null }))));
    }
    parts.push(leftovers(it.leftovers));
    return parts;
  }

  function leftovers(all) {
    if (!all.length) return null;
    return h("section", { class: "card pad stack", id: "leftovers" },
      h("div", {}, h("h2", {}, "Made in other systems"), h("p", { class: "muted" }, "What its functions made, and what is not known to be gone.")),
      h("table", {}, h("thead", {}, h("tr", {}, ["What", "Its name there", "Made by", "When"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, all.map((one) => h("tr", {}, h("td", {}, one.kind), h("td", { class: "mono" }, one.id), h("td", { class: "mono" }, one.function), h("td", { class: "muted small" }, moment(one.created)))))));
  }

  const acts = {
    complete: "Taken as done", reset: "To be run anew", beginUninstall: "Uninstalling was begun", cancelUninstall: "Kept after all", update: "An update was begun",
    abortUpdate: "The update was given up", resolve: "Said what became of it", resume: "Taken up again", unlock: "Taken away from whoever drove it",
  };
  const outcomes = {
    succeeded: ["Succeeded", "good"], absent: ["Not there, not called", "good"], failed: ["Failed", "bad"], inDoubt: ["Never returned", "warn"],
    resolvedAsCompleted: ["Taken as done", "act"], resolvedToRerun: ["To be called again", "act"],
  };

  function historyEntry(one) {
    const place = one.name || (one.step !== null ? `Step ${one.step + 1}` : null);
    if (one.what === "act") return h("li", { class: "act" },
      h("div", { class: "what" }, h("strong", {}, acts[one.kind] ?? one.kind), place ? `: ${place}` : "", one.outcome ? h("span", { class: "muted" }, ` → ${one.outcome}`) : null,
        h("div", { class: "muted small" }, one.person ? `by ${one.person}` : "by a program", one.reason ? `: “${one.reason}”` : "")),
      h("time", { class: "when", datetime: one.time }, time(one.time)));
    const [word, kind] = outcomes[one.outcome] ?? [one.outcome, ""];
    return h("li", { class: kind },
      h("div", { class: "what" }, h("strong", {}, place ?? one.function), " ", h("span", { class: "muted small" }, h("code", {}, one.function), one.attempt > 1 ? ` attempt ${one.attempt}` : ""),
        h("div", { class: "small" }, pill(word, kind === "act" ? "" : kind), one.outcome === "succeeded" || one.outcome === "failed" ? h("span", { class: "muted" }, ` after ${duration(one.milliseconds)}`) : null),
        one.message ? h("p", { class: "said small" }, one.message) : null, one.reason ? h("p", { class: "said small" }, `“${one.reason}”`) : null),
      h("time", { class: "when", datetime: one.time, title: one.holder }, time(one.time)));
  }

  // A call that has not returned is no entry yet.
  function openCall() {
    const call = it.gone ? null : it.call ?? it.doubt;
    if (!call) return null;
    const place = call.step !== null && it.steps[call.step] ? titleOf(it.steps[call.step]) : null;
    return h("ol", { class: "timeline" }, h("li", { class: it.call ? "act" : "warn" },
      h("div", { class: "what" }, h("strong", {}, place ?? call.function), " ", h("span", { class: "muted small" }, h("code", {}, call.function), call.attempt > 1 ? ` attempt ${call.attempt}` : ""),
        h("div", { class: "small" }, it.call ? pill("Not returned yet", "busy") : pill("Never returned", "warn"))),
      h("time", { class: "when", datetime: call.started, title: call.holder }, time(call.started))));
  }

  function timeline() {
    if (!entries) return h("div", { class: "card empty" }, "Reading…");
    const open = openCall();
    if (!entries.entries.length && !open) return h("div", { class: "card empty" }, h("h2", {}, "Nothing has happened yet"), h("p", {}, "Every call and everything that people do is kept here."));
    const days = Map.groupBy ? Map.groupBy(entries.entries, (one) => day(one.time)) : new Map([["", entries.entries]]);
    return h("section", { class: "card pad" }, open, [...days].map(([name, list]) => [h("h2", { class: "day" }, name), h("ol", { class: "timeline" }, list.map(historyEntry))]),
      entries.count > entries.entries.length ? h("p", { class: "muted small" }, `The newest ${entries.entries.length} of ${entries.count}.`) : null);
  }

  // MARK: All of it

  function gone() {
    return h("div", { class: "stack" }, crumb(), h("h1", { tabindex: -1 }, "This integration is gone"),
      notice("good", "Removed", "It was uninstalled, and its document is deleted. Its history is kept."),
      entries ? leftovers(entries.leftovers) : null, timeline());
  }

  const crumb = () => h("p", { class: "crumb" }, h("a", { href: "#/", id: "crumb" }, "All integrations"));

  const of = {
    integration: id, fault: null,
    title: () => it?.name || "Integration",
    turn: (name) => { tab = name; fault = null; agreed = false; plan = null; readMore(); },
    show: (value) => {
      const before = it;
      it = value;
      if (JSON.stringify(before) !== JSON.stringify(it) || (tab !== "steps" && !entries && !plan)) readMore();
    },
    happened: (event) => {
      const step = event.name || (event.step !== undefined ? `step ${event.step + 1}` : event.function ?? "");
      const words = {
        stepStarted: `${step} is running`, stepCompleted: `${step} is done`, stepFailed: `${step} failed: ${event.message}`, waiting: `${step} waits for you`,
        functionFailed: `${step} failed: ${event.message}`, removed: "The integration is removed", retrying: `${step} is tried again`, versionChanged: `The version is now ${event.to}`,
      };
      if (words[event.event]) say(words[event.event]);
    },
    draw: () => {
      if (!it) return h("div", { class: "stack" }, crumb(), h("h1", { tabindex: -1 }, "Integration"), of.fault ? notice("bad", "It cannot be shown", of.fault.message) : h("div", { class: "card empty" }, "Reading…"));
      if (it.gone) return gone();
      const tabs = [["steps", "Steps"], ["settings", "Settings"], ["history", "History"], ["uninstall", "Uninstall"]];
      const known = tabs.some(([name]) => name === tab) ? tab : "steps";
      const content = { steps, settings, history: timeline, uninstall: planned }[known]();
      return h("div", { class: "stack" },
        h("div", { class: "spread" },
          h("div", {}, crumb(), h("h1", { tabindex: -1 }, it.name || "Without a name"),
            h("div", { class: "facts" }, modePill(it.mode, it.updating), h("span", {}, it.version ? `Version ${it.version}` : "No version"), h("span", { class: "mono" }, it.id))),
          updates() ? h("div", { class: "row actions" }, updates()) : null),
        of.fault ? notice("bad", "It cannot be read at the moment", of.fault.message) : null, notices(),
        h("nav", { class: "tabs", "aria-label": "About this integration" }, tabs.map(([name, label]) => h("a", { class: "tab", id: `tab-${name}`, href: link(name), "aria-current": name === known ? "page" : null }, label))),
        h("div", { class: "stack" }, content));
    },
  };
  return of;
}
