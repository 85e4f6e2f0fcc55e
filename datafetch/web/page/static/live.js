// Keeps the status page up to date where script is on: the server says that something changed, the
// page is fetched again, and what differs is changed in place, so that focus, open parts, selection
// and scroll stay. Without event streams the page is fetched again each half minute. A page in the
// background has no stream: browsers open six connections to a server, so that seven would wait for ever.
"use strict";
(() => {
  const PAGE_EACH_MS = 30000;
  const STREAM_AGAIN_MS = 60000;
  const FOUND_AGAIN_MS = 4000;
  const HIDDEN_MS = 10000;
  const LOST = "Connection lost, trying again";
  const ELEMENT = 1;
  const sign = document.getElementById("live");
  const voice = document.getElementById("announce");
  let said = sentence(document);
  let shown = number(document);
  let busy = false;
  let wanted = false;
  let stream = null;
  let streamWorks = false;
  let later = 0;

  function sentence(root) {
    const found = root.getElementById("sentence");
    return found ? found.textContent.trim() : "";
  }

  // Grows when something happened; the sentence alone also changes as its times go by.
  function number(root) {
    const found = root.getElementById("sentence");
    return found ? found.dataset.number : "";
  }

  function show(text, lost) {
    if (sign.textContent !== text) {
      sign.textContent = text;
      if (lost) voice.textContent = text;
    }
    sign.classList.toggle("lost", lost);
    sign.hidden = false;
  }

  // The session has ended: what the page shows stays, and grows old.
  function askToLogIn() {
    if (sign.querySelector("a")) return;
    const link = document.createElement("a");
    link.href = "/login";
    link.textContent = "Log in again to see what is new";
    show(link.textContent, true);
    sign.replaceChildren(link);
  }

  function showHowItGoes() {
    if (sign.classList.contains("lost") && !stream) {
      // The server is back, for all pages at once.
      clearTimeout(later);
      later = setTimeout(listen, FOUND_AGAIN_MS * Math.random());
    }
    show(streamWorks ? "Live" : "Updated each half minute", false);
  }

  // Not `node.id`: a form answers that with its field of the name "id".
  function keyOf(node) {
    return (node.nodeType === ELEMENT && node.getAttribute("id")) || "";
  }

  function isAlike(old, fresh) {
    return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
  }

  function morph(old, fresh) {
    if (old.nodeType !== ELEMENT) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    if (old.hasAttribute("data-keep")) return;
    for (const { name } of [...old.attributes]) {
      const isOpen = name === "open" && old.nodeName === "DETAILS";
      if (!fresh.hasAttribute(name) && !isOpen) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    morphChildren(old, fresh);
  }

  function morphChildren(parent, fresh) {
    const named = new Map();
    for (const child of parent.children) if (keyOf(child)) named.set(keyOf(child), child);
    let at = parent.firstChild;
    for (const next of [...fresh.childNodes]) {
      const key = keyOf(next);
      const known = key ? named.get(key) : null;
      if (known && isAlike(known, next)) {
        at = bring(parent, known, at);
        morph(known, next);
        at = known.nextSibling;
      } else if (at && !keyOf(at) && isAlike(at, next)) {
        morph(at, next);
        at = at.nextSibling;
      } else {
        parent.insertBefore(document.importNode(next, true), at);
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      if (keyOf(gone) === "" || !gone.hasAttribute("data-keep")) gone.remove();
    }
  }

  // Moves `known` to `at`. What has the focus would lose it by being moved, so the others give way.
  function bring(parent, known, at) {
    if (known === at) return at;
    if (!known.contains(document.activeElement)) {
      parent.insertBefore(known, at);
      return known;
    }
    while (at !== known) {
      const other = at;
      at = at.nextSibling;
      parent.append(other);
    }
    return at;
  }

  // The parts around what has the focus: if that vanishes, the nearest that is left gets it.
  function around(node) {
    const found = [];
    for (let one = node.parentElement; one; one = one.parentElement) {
      if (keyOf(one) && one.hasAttribute("tabindex")) found.push(one);
    }
    return found;
  }

  // What people look at: what has the focus, else what stands at the top of a page that was scrolled.
  function lookedAt() {
    const focused = document.activeElement;
    if (focused && focused !== document.body) {
      const { top, bottom } = focused.getBoundingClientRect();
      if (bottom > 0 && top < innerHeight) return focused;
    }
    if (scrollY === 0) return null;
    const found = document.elementFromPoint(innerWidth / 2, 1);
    return found && found.closest("[id]");
  }

  function take(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    if (!fresh.getElementById("sentence")) return false; // the answer of a proxy
    const anchor = lookedAt();
    const top = anchor ? anchor.getBoundingClientRect().top : 0;
    const focused = document.activeElement;
    const places = focused && focused !== document.body ? around(focused) : [];
    if (document.title !== fresh.title) document.title = fresh.title;
    morph(document.body, fresh.body);
    if (focused && !focused.isConnected) {
      const place = places.find((one) => one.isConnected);
      if (place) place.focus({ preventScroll: true });
    }
    if (anchor && anchor.isConnected) scrollBy(0, anchor.getBoundingClientRect().top - top);
    const now = sentence(document);
    if (now !== said && number(document) !== shown) voice.textContent = now;
    said = now;
    shown = number(document);
    return true;
  }

  async function update() {
    if (busy) {
      wanted = true;
      return;
    }
    busy = true;
    try {
      const answer = await fetch(location.pathname + location.search, {
        cache: "no-store",
        headers: { accept: "text/html" },
        signal: AbortSignal.timeout(15000),
      });
      const isPage = answer.ok || answer.status === 503;
      if (answer.status === 401) askToLogIn();
      else if (isPage && take(await answer.text())) showHowItGoes();
      else show(LOST, true);
    } catch {
      show(LOST, true);
    } finally {
      busy = false;
    }
    if (wanted) {
      wanted = false;
      await update();
    }
  }

  function listen() {
    clearTimeout(later);
    if (stream || document.hidden) return;
    const mine = new EventSource("/api/events");
    let wasAway = false;
    stream = mine;
    mine.addEventListener("open", () => {
      streamWorks = true;
      if (!wasAway) showHowItGoes();
    });
    mine.addEventListener("status", (event) => {
      // The first event tells what the page shows already, unless the stream was away or it changed.
      if (wasAway || String(JSON.parse(event.data).number) !== shown) update();
      wasAway = false;
    });
    mine.addEventListener("error", () => {
      streamWorks = false;
      wasAway = true;
      if (mine.readyState !== EventSource.CLOSED) {
        show(LOST, true);
        return;
      }
      stream = null;
      update();
      // Not all at once, when a server has come back.
      later = setTimeout(listen, STREAM_AGAIN_MS * (0.5 + Math.random()));
    });
  }

  function rest() {
    clearTimeout(later);
    if (stream) stream.close();
    stream = null;
    streamWorks = false;
  }

  const place = new URL(location.href);
  if (place.searchParams.has("notice")) {
    // Told once: a reload does not say it again.
    for (const name of ["notice", "job", "count"]) place.searchParams.delete(name);
    history.replaceState(null, "", place.pathname + place.search);
    const notice = document.getElementById("notice");
    if (notice) {
      notice.dataset.keep = "";
      notice.focus({ preventScroll: true });
    }
  }

  setInterval(update, PAGE_EACH_MS); // in the background, too: the title says how things are
  document.addEventListener("visibilitychange", () => {
    clearTimeout(later);
    if (document.hidden) {
      later = setTimeout(rest, HIDDEN_MS);
    } else {
      update();
      listen();
    }
  });
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  listen();
})();
