// Keeps a page of Monitor as it is now: when the server says that something changed, the page is fetched again and what
// differs is put in its place. What is open stays open, what has the focus keeps it, and forms are left alone.
"use strict";

const kinds = document.body.dataset.live.split(" ").filter(Boolean);
const connection = document.querySelector(".connection");
const SOON = 250, EACH_SECOND = 1000;
let fetching = false, again = false, timer = 0;

function key(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.dataset?.key || node.id || "" : "";
}

function sameKind(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && key(one) === key(other);
}

function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if ("static" in (old.dataset ?? {})) return;
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  let place = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    let match = place;
    while (match && !sameKind(match, child)) match = match.nextSibling;
    if (!match) {
      old.insertBefore(child, place);
    } else {
      if (match !== place && key(child)) old.insertBefore(match, place);
      else while (place !== match) { const gone = place; place = place.nextSibling; gone.remove(); }
      morph(match, child);
      place = match.nextSibling;
    }
  }
  while (place) { const gone = place; place = place.nextSibling; gone.remove(); }
}

async function refresh() {
  if (fetching) { again = true; return; }
  fetching = true;
  try {
    // A form that was sent stays as it came back; only its page's address may be fetched.
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = fresh.querySelector("main");
      if (main) { morph(document.querySelector("main"), main); document.title = fresh.title; }
    }
  } catch {
    connection.hidden = false;
  }
  fetching = false;
  if (again) { again = false; schedule(); }
}

function schedule() {
  if (!timer) timer = setTimeout(() => { timer = 0; refresh(); }, SOON);
}

if (kinds.length && !location.pathname.startsWith("/trigger-now/")) {
  const events = new EventSource("/events");
  let lost = false;
  for (const kind of kinds) events.addEventListener(kind, schedule);
  events.onerror = () => { lost = true; connection.hidden = false; };
  events.onopen = () => { connection.hidden = true; if (lost) { lost = false; schedule(); } };
  setInterval(() => { if (!document.hidden && document.querySelector("[data-running]")) schedule(); }, EACH_SECOND);
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", event => { if (event.persisted) location.reload(); });
}

// An address that names a run opens its row, and those around it.
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let node = target; node; node = node.parentElement) if (node.nodeName === "DETAILS") node.open = true;
  target?.scrollIntoView();
}
addEventListener("hashchange", openTarget);
if (location.hash) openTarget();
