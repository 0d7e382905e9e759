// The console without this works; with it, some things take fewer steps.

// A form that does something is sent once, though its button be pressed twice. (The server sees to that in any case.)
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
  });
}
// A page that comes back from the browser's memory may be sent again.
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
    }
  }
});

// Copying what is shown once.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    button.textContent = button.dataset.done;
  });
}

// The first field that is wrong is the one to mend.
document.querySelector("[aria-invalid=true]")?.focus();

// A search shows what it finds while one types.
const search = document.querySelector("form[data-search]");
if (search) {
  const found = document.getElementById(search.dataset.search);
  let waiting;
  let asking = new AbortController();
  const ask = async () => {
    asking.abort();
    asking = new AbortController();
    const address = `${location.pathname}?${new URLSearchParams(new FormData(search))}`;
    try {
      const answer = await fetch(address, { signal: asking.signal });
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      found.replaceChildren(...page.getElementById(found.id).childNodes);
      history.replaceState(null, "", address);
    } catch (problem) {
      if (problem.name !== "AbortError") search.requestSubmit();
    }
  };
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, 250);
  });
}

// A file that is too large need not be sent to be refused.
for (const field of document.querySelectorAll("input[type=file][data-most]")) {
  field.addEventListener("change", () => {
    const [file] = field.files;
    field.setCustomValidity(file && file.size > Number(field.dataset.most) ? field.dataset.tooLarge : "");
    field.reportValidity();
  });
}

// A page of work that goes on renews what it tells; when the work is over, it is asked for as a whole.
const renew = async () => {
  const shown = document.querySelector("[data-refresh]");
  try {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-refresh]");
    if (answer.redirected || (answer.ok && !fresh)) {
      location.reload();
      return;
    }
    if (answer.ok) shown.replaceChildren(...fresh.childNodes);
  } catch {
    // The server is away for a moment: it is asked again.
  }
  setTimeout(renew, 2000);
};
if (document.querySelector("[data-refresh]")) setTimeout(renew, 1000);

// An open menu is closed by Escape, or by going elsewhere.
for (const menu of document.querySelectorAll("details.menu")) {
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
}
