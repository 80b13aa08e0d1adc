// What eyes would see, without a model that sees: by axe-core and by measuring what is laid out.

const AXE_MS = 4_000;
const MEASURE_MS = 2_500;
const MOST = 20; // findings
const MOST_ELEMENTS = 6_000; // that axe-core is asked of: more would take it too long
const MOST_NAMED = 3; // elements of one finding
const MOST_ON_GRADIENTS = 4; // findings of text on them: each may have colours of its own
const UNREADABLE = 2; // contrast below which nothing can be read

/** Findings of a page as it stands, the worst first. `axe`: the source of axe-core, or "". */
export async function audit(page, axe) {
  const measured = await page.look((_) => eyes.measure(), null, MEASURE_MS);
  if (!measured) return [];
  const rules = axe && measured.elements <= MOST_ELEMENTS ? await ruled(page, axe) : [];
  const contrasts = rules.filter(({ colors }) => colors);
  const found = [
    ...contrasts.filter(({ colors }) => colors.ratio < UNREADABLE).map(unreadable).map(byAxe),
    ...measured.overflow,
    ...measured.pictures.filter(({ address }) => !page.isAbroad(address)).map((picture) => brokenPicture(page, picture)),
    ...rules.filter(({ colors, impact }) => !colors && impact === "critical").map(broken).map(byAxe),
    ...measured.overlap,
    ...measured.cut,
    ...measured.covered,
    ...rules.filter(({ colors, impact }) => !colors && impact !== "critical").map(broken).map(byAxe),
    ...contrasts.filter(({ colors }) => colors.ratio >= UNREADABLE).map(unreadable).map(byAxe),
  ];
  return found.slice(0, MOST).map((one) => ({ kind: "page", ...(typeof one === "string" ? { message: one } : one) }));
}

/** What keeps people out who cannot see or click well: publishing tells it apart. */
const byAxe = (message) => ({ message, axe: true });

/** What axe-core finds of serious and critical rules, by rule, and by pair of colours. */
async function ruled(page, axe) {
  try {
    await page.world.load(page.frame, "axe", axe);
    return await page.world.run(page.frame, applyRules, { most: MOST_NAMED, mostOnGradients: MOST_ON_GRADIENTS, milliseconds: AXE_MS }, AXE_MS);
  } catch {
    return [];
  }
}

/** Runs in the page. */
async function applyRules({ most, mostOnGradients, milliseconds }) {
  const began = performance.now();
  // About the whole document or its frame, which a template holds, or matters of taste.
  const LEFT_OUT = ["bypass", "frame-tested", "frame-title", "frame-title-unique", "frame-focusable-content", "region", "meta-viewport", "meta-refresh", "css-orientation-lock", "target-size"];
  const { violations, incomplete } = await axe.run(
    { exclude: [["appbuilder-error"], ["vite-error-overlay"], ["nextjs-portal"]] },
    {
      resultTypes: ["violations", "incomplete"],
      runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] },
      rules: Object.fromEntries(LEFT_OUT.map((id) => [id, { enabled: false }])),
      elementRef: true,
      iframes: false,
      preload: false,
    },
  );
  // What cannot be used now may be pale, and the line at the top of Panel's pages tells nobody anything. axe-core would
  // not find either in a shadow tree.
  const LEFT_ALONE = ".Mui-disabled, [aria-disabled=true], header > .MuiLinearProgress-root";
  const isLeftAlone = (one) => {
    while (one && !one.matches(LEFT_ALONE)) one = eyes.parentOf(one);
    return !!one;
  };
  const found = new Map();
  const add = (key, rule, node, colors) => {
    if (isLeftAlone(node.element)) return;
    const entry = found.get(key) ?? { help: rule.help, impact: rule.impact, colors, named: [], count: 0 };
    found.set(key, entry);
    entry.count += 1;
    if (entry.named.length < most) entry.named.push(eyes.told(node.element));
  };
  const colorsOf = ({ any: [check] }) => {
    const { fgColor, bgColor, contrastRatio, expectedContrastRatio, messageKey } = check?.data ?? {};
    return bgColor ? { text: fgColor, ground: bgColor, ratio: contrastRatio, wanted: parseFloat(expectedContrastRatio) || 4.5, messageKey } : null;
  };
  const isDark = grounds.isDark();
  const unknown = [];
  const look = (rule, { element }, wanted) => unknown.push({ rule, one: element, wanted: parseFloat(wanted) || 4.5 });
  const addColors = (rule, node, colors) => {
    if (isDark && colors.ground === "#ffffff") look(rule, node, colors.wanted);
    else add(`${colors.text} ${colors.ground}`, rule, node, colors);
  };
  for (const rule of violations) {
    if (!["serious", "critical"].includes(rule.impact)) continue;
    for (const node of rule.nodes) {
      const colors = rule.id === "color-contrast" ? colorsOf(node) : null;
      if (colors) addColors(rule, node, colors);
      else add(rule.id, rule, node, null);
    }
  }
  for (const rule of incomplete.filter(({ id }) => id === "color-contrast")) {
    for (const node of rule.nodes.filter(({ element }) => eyes.isVisible(element))) {
      const colors = colorsOf(node);
      // The same colour for text and ground is no violation to axe-core, which takes it for hidden on purpose.
      if (colors?.messageKey === "equalRatio") addColors(rule, node, { ...colors, ratio: 1 });
      const { messageKey, expectedContrastRatio } = node.any[0]?.data ?? {};
      if (messageKey === "bgGradient") look(rule, node, expectedContrastRatio);
    }
  }
  const onGradients = new Set();
  for (const [one, colors] of unknown.length ? grounds.hard(unknown, began + 0.75 * milliseconds) : []) {
    const key = `${colors.text} ${colors.ground}`;
    if (onGradients.size === mostOnGradients && !onGradients.has(key)) continue;
    onGradients.add(key);
    add(key, unknown[0].rule, { element: one }, colors);
  }
  return [...found.values()];
}

const listed = ({ named, count }) => `${named.join(", ")}${count > named.length ? ` and ${count - named.length} more` : ""}`;

function unreadable(rule) {
  const { text, ground, ratio, wanted, atBest } = rule.colors;
  const how = ratio < UNREADABLE ? "cannot be read" : "is hard to read";
  return `Text ${how} against its background (${text} on ${ground}, contrast ${ratio.toFixed(1)}${atBest ? " at best" : ""}, at least ${wanted} is needed): ${listed(rule)}.`;
}

const broken = (rule) => `${rule.help}: ${listed(rule)}.`;

function brokenPicture(page, { address, told }) {
  if (!address) return `A picture has no address: ${told}.`;
  page.pictures.add(page.inside(address));
  return `A picture could not be shown: ${told} from ${page.inside(address)}.`;
}
