// Shows a choice of a filter, or another page, without loading the whole page again. Without it, forms and links do the same.
"use strict";
(() => {
  let latest = null;
  let shown = location.pathname + location.search;
  document.documentElement.classList.add("with-scripts");

  async function go(address, isNew) {
    if (latest) latest.abort();
    const mine = (latest = new AbortController());
    document.querySelector("main").setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { signal: mine.signal, headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(answer.status);
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (isNew) history.pushState(null, "", next.querySelector("link[rel=canonical]").getAttribute("href"));
      shown = location.pathname + location.search;
      show(next);
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
    }
  }

  function show(next) {
    const focused = document.activeElement && document.activeElement.id;
    const place = document.activeElement && document.activeElement.closest("nav") ? "nav a[aria-current]" : null;
    const list = document.querySelector(".choice[open] fieldset");
    const open = [...document.querySelectorAll("details[open][id]")].map((details) => details.id);
    const scrolled = list ? list.scrollTop : 0;
    document.title = next.title;
    document.getElementById("app").replaceWith(document.adoptNode(next.getElementById("app")));
    for (const id of open) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    const after = document.querySelector(".choice[open] fieldset");
    if (after) after.scrollTop = scrolled;
    const again = place ? document.querySelector(place) : focused && document.getElementById(focused);
    if (again) again.focus({ preventScroll: true });
    document.getElementById("status").textContent = `${document.title}: shown`;
  }

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form.filters");
    if (!form) return;
    const query = new URLSearchParams(new FormData(form)).toString();
    go(form.getAttribute("action") + (query ? `?${query}` : ""), true);
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("nav a");
    if (link && event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)) {
      event.preventDefault();
      go(link.getAttribute("href"), true).then(() => scrollTo(0, 0));
      return;
    }
    for (const choice of document.querySelectorAll(".choice[open]")) {
      if (!choice.contains(event.target)) choice.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    const choice = event.key === "Escape" && document.querySelector(".choice[open]");
    if (choice) {
      choice.open = false;
      choice.querySelector("summary").focus();
    }
  });

  // A link to a table opens it.
  function reveal() {
    const there = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const closed = there && there.closest("details:not([open])");
    if (closed) {
      closed.open = true;
      there.scrollIntoView();
    }
  }
  addEventListener("hashchange", reveal);
  addEventListener("DOMContentLoaded", reveal);

  addEventListener("popstate", () => {
    // Not for a link within the page.
    if (location.pathname + location.search !== shown) go(location.href, false);
  });
})();
