// Runs in the app's page, after sight.js: which controls a trial has not tried yet, and how it fills in fields.
//
// A control is known by role, name and place, so that it is the same one after the page was drawn anew.

var controls = (() => {
  const MOST = 400; // looked at for one choice
  const ALIKE = 3; // of controls that nothing tells apart, this many are tried
  const FAR_UP = 4; // levels above a field in which the button for it is looked for

  const CLICKS =
    "a[href], button, summary, input:is([type=button], [type=submit], [type=reset], [type=image], [type=checkbox], [type=radio]), label, [onclick], [tabindex], " +
    ["button", "link", "tab", "checkbox", "switch", "radio", "menuitem", "menuitemcheckbox", "menuitemradio", "option", "combobox", "slider", "treeitem"].map((role) => `[role=${role}]`).join(", ");
  const FIELDS = "input:not([type=button], [type=submit], [type=reset], [type=image], [type=checkbox], [type=radio], [type=hidden], [type=file]), textarea, select, [contenteditable=''], [contenteditable=true]";

  /** Words in a name: `*` stands for more letters. `signs` may stand anywhere, as in scripts without spaces. */
  const anyOf = (words, signs) => new RegExp(`(?<!\\p{L})(?:${words.replaceAll("*", "\\p{L}*")})(?!\\p{L})|${signs}`, "iu");

  // In the main languages. What these do may take away what the rest of the trial needs, so they come last.
  const DESTROYS = anyOf(
    "delete|remove|discard|erase|trash|archive|unsubscribe|l[oö]sch*|entfern*|verwerf*|supprim*|retirer|enlever|elimin*|borrar|quitar|rimuov*|cancella*|remov(er|e)|apagar|excluir|verwijder*|usuń|usun*|smazat|odstranit|radera|ta bort|slet|fjern|poista|sil|kaldır|удал*|убрать|видал*|стереть",
    "[×✕✖🗑]|删除|刪除|移除|削除|삭제",
  );
  const DESTROYS_ALL = anyOf(
    "clear|reset|empty|wipe|start over|new game|log ?out|sign ?out|zur[uü]cksetz*|leeren|abmelden|ausloggen|r[eé]initialis*|vider|effacer|d[eé]connexion|se d[eé]connecter|vaciar|restablecer|reiniciar|cerrar sesi[oó]n|svuota*|azzera*|reimposta*|ripristina*|esci|limpar|redefinir|sair|leegmaken|uitloggen|herstellen|wyczyść|wyloguj|zresetuj|rensa|logga ut|nulstil|log ud|tøm|töm|temizle|sıfırla|очист*|сброс*|выйти|скинути|вийти",
    "清空|清除|重置|退出|注销|リセット|クリア|ログアウト|초기화|로그아웃",
  );
  const ALL = anyOf("all|every*|alle[sn]?|tou(s|t|te|tes)|tod[oa]s?|tutt[oiea]|tud[oa]|wszystk*|все|всё|усе|alt|allt|tümünü|hepsini", "全|すべて|모두");
  const CLOSES = /^(close|cancel|dismiss|back|no|schlie(ss|ß)en|abbrechen|zur[uü]ck|nein|fermer|annuler|retour|non|cerrar|cancelar|volver|chiudi|annulla|indietro|fechar|voltar|sluiten|annuleren|zamknij|anuluj|stäng|avbryt|luk|annuller)\b/iu;

  // The smaller, the sooner.
  const RANK = { plausible: 0, click: 1, beyond: 2, empty: 3, close: 4, link: 5, destroy: 6, destroyAll: 7 };

  const plain = (name) => name.replace(/\d+/g, (number) => (number === name ? number : "#"));

  /** Where it stands, without numbers of rows: controls of a list have the same. */
  function placeOf(one) {
    const steps = [];
    for (let each = one; each && each !== document.body && steps.length < 6; each = eyes.parentOf(each)) steps.push(each.localName);
    return steps.join("<");
  }

  const keyOf = (one) => `${eyes.roleOf(one)} ${plain(eyes.nameOf(one))} ${placeOf(one)}`;
  const labelOf = (one) => `${eyes.roleOf(one)}${eyes.nameOf(one) ? ` "${eyes.nameOf(one)}"` : ` (${eyes.selectorOf(one)})`}`;
  const isAble = (one) => !one.matches(":disabled") && one.getAttribute("aria-disabled") !== "true" && !one.closest("[inert]");
  const isPointedAt = (one) => getComputedStyle(one).cursor === "pointer" && getComputedStyle(eyes.parentOf(one) ?? document.body).cursor !== "pointer";

  function clickable(elements) {
    const found = elements.filter((one) => (one.matches(CLICKS) ? isClicked(one) : one instanceof HTMLElement && isPointedAt(one)));
    const all = new Set(found);
    // Of what lies in a control only the control itself.
    return found.filter((one) => !(eyes.parentOf(one)?.closest("a[href], button, summary, [role=button]") ?? null) || !all.has(eyes.parentOf(one)?.closest("a[href], button, summary, [role=button]")));
  }

  function isClicked(one) {
    if (one.localName === "label") return !!one.control && ["checkbox", "radio"].includes(one.control.type) && !eyes.isVisible(one.control);
    if (one.matches("[tabindex]:not([role], [onclick], a, button, summary, input)")) return isPointedAt(one);
    return true;
  }

  /** Fields by the form they belong to, or by the box that holds a button for them. */
  function units(elements) {
    const found = new Map();
    for (const field of elements.filter((one) => one.matches(FIELDS) && !one.readOnly)) {
      const unit = field.form ?? boxOf(field);
      if (!found.has(unit)) found.set(unit, []);
      found.get(unit).push(field);
    }
    return [...found].map(([unit, fields]) => ({ unit, fields, button: submitOf(unit, fields) }));
  }

  function boxOf(field) {
    let box = eyes.parentOf(field);
    for (let i = 0; box && box !== document.documentElement && i < FAR_UP; i++, box = eyes.parentOf(box)) {
      if ([...box.querySelectorAll("button, input[type=submit], [role=button]")].some((one) => isSubmit(one))) return box;
    }
    return field;
  }

  const isSubmit = (one) =>
    eyes.isVisible(one) && isAble(one) && !one.matches("[role=tab], [role=switch], [role=combobox], [role=checkbox], [role=radio], [aria-haspopup], [type=reset]") && ![DESTROYS, DESTROYS_ALL, CLOSES].some((way) => way.test(eyes.nameOf(one)));

  function submitOf(unit, fields) {
    const buttons = [...unit.querySelectorAll("button, input[type=submit], input[type=image], [role=button]")].filter(isSubmit);
    if (unit.localName === "form") return buttons.find((one) => one.type === "submit") ?? null;
    return buttons.find((one) => fields.at(-1).compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING) ?? null;
  }

  function rankOf(one) {
    const name = eyes.nameOf(one);
    if (DESTROYS_ALL.test(name)) return RANK.destroyAll;
    if (DESTROYS.test(name)) return ALL.test(name) ? RANK.destroyAll : RANK.destroy;
    if (one.matches("[aria-label*=lose i], [data-dismiss]") || CLOSES.test(name)) return RANK.close;
    return one.matches("a[href], [role=link]") ? RANK.link : RANK.click;
  }

  /** What there is to try, the next first. `tried`: how often by key; `places`: by place. */
  function untried({ tried, places }) {
    const elements = eyes.everything().filter((one) => one.matches(`${CLICKS}, ${FIELDS}`) || one instanceof HTMLElement);
    const seen = elements.filter((one) => isAble(one) && eyes.isVisible(one));
    const found = [];
    for (const { unit, fields, button } of units(seen)) {
      const key = `form ${fields.map((one) => plain(eyes.nameOf(one))).join(" ").slice(0, 200)} ${placeOf(unit)}`;
      const way = ["plausible", "beyond", "empty"].find((each) => !tried[`${each} ${key}`]);
      if (way) found.push({ key: `${way} ${key}`, unit: key, place: `${way} ${placeOf(unit)}`, rank: RANK[way], one: button ?? fields.at(-1), fields, button, way });
    }
    const files = eyes.everything().filter((one) => one.matches("input[type=file]") && isAble(one));
    for (const one of files) if (!tried[keyOf(one)]) found.push({ key: keyOf(one), place: placeOf(one), rank: RANK.click, one, way: "file" });
    const alike = new Map();
    for (const one of clickable(seen).slice(0, MOST)) {
      const key = keyOf(one);
      const number = alike.get(key) ?? 0;
      alike.set(key, number + 1);
      const rank = rankOf(one);
      const times = tried[key] ?? 0;
      // What is deleted makes room for the next: always the first. Of others, the one after those that were tried.
      if (times >= ALIKE || number !== (rank === RANK.destroy ? 0 : times)) continue;
      found.push({ key, place: placeOf(one), rank, one, way: "click" });
    }
    const order = (entry) => entry.rank * 1000 + Math.min(999, (places[entry.place] ?? 0) + (tried[entry.key] ?? 0) * 10);
    return found.sort((a, b) => order(a) - order(b));
  }

  /**
   * The next to try that can be reached, brought into view: what it is called, and where to click; how many are `left`
   * besides it, and how many that destroy: these are `spared` as long as `known.spares`.
   */
  function next(known) {
    const all = untried(known);
    const destroying = all.filter(({ rank }) => rank >= RANK.destroy);
    const others = all.filter(({ rank }) => rank < RANK.destroy);
    const counted = (one) => ({
      url: location.href,
      left: others.length - others.includes(one),
      spared: destroying.length - destroying.includes(one),
    });
    for (const entry of known.spares ? others : all) {
      const { key, unit, place, rank, one, fields, button, way } = entry;
      const label = fields ? { button: button && labelOf(button), fields: fields.map((each) => eyes.nameOf(each) || eyes.selectorOf(each)).slice(0, 4) } : labelOf(one);
      const point = way === "file" || (fields && !button) ? reached(one, way === "file") : pointOf(one);
      if (!point) continue;
      if (fields) for (const field of fields) fill(field, way);
      if (way === "file") choose(one);
      const again = fields && button ? pointOf(button) : point;
      watch();
      const link = one.closest?.("a[href]");
      return {
        key, unit, place, rank, way, label, ...counted(entry),
        submit: button && keyOf(button),
        enter: !!fields && !button && one.localName === "input",
        name: eyes.nameOf(one),
        point: way === "file" || (fields && !button) ? null : again,
        href: way === "click" && link ? link.getAttribute("href") : null,
        saves: way === "click" && one.hasAttribute("download"),
        since: performance.timeOrigin,
        title: heading(),
      };
    }
    return counted(null);
  }

  const reached = (one, anywhere) => (anywhere || pointOf(one) ? {} : null);

  /** The middle of it, if a click there meets it: nothing lies over it. */
  function pointOf(one) {
    let box = one.getClientRects()[0] ?? one.getBoundingClientRect();
    if (box.top < 0 || box.bottom > innerHeight || box.left < 0 || box.right > innerWidth) {
      one.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
      box = one.getClientRects()[0] ?? one.getBoundingClientRect();
    }
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    let hit = document.elementFromPoint(x, y);
    while (hit?.shadowRoot?.elementFromPoint(x, y) && hit.shadowRoot.elementFromPoint(x, y) !== hit) hit = hit.shadowRoot.elementFromPoint(x, y);
    for (let each = hit; each; each = eyes.parentOf(each)) if (each === one || each.control === one) return { x, y };
    return null;
  }

  // Values

  const WORDS = [
    [/mail/i, "ada@example.org"],
    [/phone|tel\b|telefon|téléphone/i, "+1 555 0100"],
    [/url|website|link/i, "https://example.org"],
    [/year|jahr|année|año|anno/i, "2024"],
    [/price|amount|cost|quantity|age\b|preis|betrag|menge|prix|precio|prezzo/i, "12"],
    [/name|nom\b|nombre|nome/i, "Ada Lovelace"],
  ];

  function plausible(one) {
    const bound = (value) => Math.min(Math.max(value, one.min === "" ? -Infinity : Number(one.min)), one.max === "" ? Infinity : Number(one.max));
    const KINDS = {
      email: "ada@example.org", url: "https://example.org", tel: "+1 555 0100", password: "Sample-pass-1", search: "a", color: "#3366cc",
      date: "2025-06-15", time: "10:30", "datetime-local": "2025-06-15T10:30", month: "2025-06", week: "2025-W24",
    };
    if (one.type === "number") return String(bound(3));
    if (one.type === "range") return String((Number(one.min || 0) + Number(one.max || 100)) / 2);
    if (KINDS[one.type]) return KINDS[one.type];
    const about = [eyes.nameOf(one), one.name, one.id, one.placeholder, one.getAttribute("autocomplete")].join(" ");
    const text = /^(numeric|decimal)$/.test(one.inputMode) ? "12" : (WORDS.find(([way]) => way.test(about))?.[1] ?? "Sample");
    return one.maxLength > 0 ? text.slice(0, one.maxLength) : text;
  }

  function beyond(one) {
    const KINDS = { email: "no address", url: "no address", color: "#000000", date: "9999-12-31", time: "23:59", "datetime-local": "9999-12-31T23:59", month: "9999-12", week: "9999-W52" };
    if (one.type === "number") return one.max !== "" ? String(Number(one.max) + 1) : one.min !== "" ? String(Number(one.min) - 1) : "-1";
    if (one.type === "range") return one.max || "100";
    const text = /^(numeric|decimal)$/.test(one.inputMode) ? "-1" : `${"x".repeat(300)} "<b>' & ü 🙂`;
    return KINDS[one.type] ?? (one.maxLength > 0 ? text.slice(0, one.maxLength) : text);
  }

  function fill(one, way) {
    one.focus({ preventScroll: true });
    if (one.isContentEditable) {
      one.textContent = way === "empty" ? "" : way === "beyond" ? "x".repeat(300) : "Sample";
    } else if (one.localName === "select") {
      const offered = [...one.options].filter((option) => !option.disabled);
      const other = offered.find((option) => option.value !== one.value && option.value !== "");
      const chosen = way === "empty" ? offered[0] : way === "beyond" ? offered.at(-1) : other;
      if (chosen) one.value = chosen.value;
    } else {
      one.value = way === "empty" ? "" : way === "beyond" ? beyond(one) : plausible(one);
    }
    one.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType: "insertText" }));
    one.dispatchEvent(new Event("change", { bubbles: true }));
  }

  const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg==";

  function choose(one) {
    const wanted = one.accept.toLowerCase();
    const image = () => Uint8Array.from(atob(PNG), (char) => char.charCodeAt(0));
    const file = /image|png|jpe?g/.test(wanted)
      ? new File([image()], "sample.png", { type: "image/png" })
      : /json/.test(wanted)
        ? new File(['[{"name": "Sample", "value": 1}]'], "sample.json", { type: "application/json" })
        : /txt|text\/plain|md/.test(wanted) && !/csv/.test(wanted)
          ? new File(["Sample\n"], "sample.txt", { type: "text/plain" })
          : new File(["name,value\nSample,1\nOther,2\n"], "sample.csv", { type: "text/csv" });
    const files = new DataTransfer();
    files.items.add(file);
    one.files = files.files;
    one.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
    one.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // What comes of it

  let changes = 0;
  let last = 0;
  let observer = null;

  function watch() {
    changes = 0;
    last = performance.now();
    observer ??= new MutationObserver((records) => {
      changes += records.length;
      last = performance.now();
    });
    observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  }

  const heading = () => eyes.short([...document.querySelectorAll("h1, h2")].find((one) => eyes.isVisible(one))?.innerText ?? "", 100);

  /** Wait until nothing has changed for `quiet` ms, `most` ms at most. What the page is then. */
  async function settled({ quiet, most }) {
    if (!observer) watch();
    const until = performance.now() + most;
    while (performance.now() < until && performance.now() - last < quiet) await new Promise((resolve) => setTimeout(resolve, 15));
    const [navigation] = performance.getEntriesByType("navigation");
    return {
      changed: changes > 0,
      since: performance.timeOrigin,
      status: navigation?.responseStatus ?? 0,
      blank: eyes.isBlank(),
      url: location.href,
      title: heading(),
      target: hasTarget(),
    };
  }

  /** Whether what the address names after `#` is on the page. */
  function hasTarget() {
    let id = location.hash.slice(1);
    if (!id || /^[/!]/.test(id) || id === "top") return true;
    try {
      id = decodeURIComponent(id);
    } catch {
      // as it is
    }
    return !!document.getElementById(id) || document.getElementsByName(id).length > 0;
  }

  return { next, settled };
})();
