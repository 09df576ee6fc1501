for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => row.cells[column].textContent.trim();
      const number = (text) => parseFloat(text.replaceAll(",", "").replace("–", "-1"));
      const rows = [...table.tBodies[0].rows];
      const numeric = head.classList.contains("number");
      rows.sort((a, b) => numeric ? number(value(a)) - number(value(b)) : value(a).localeCompare(value(b)));
      table.tBodies[0].append(...(up ? rows : rows.reverse()));
    });
  });
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
