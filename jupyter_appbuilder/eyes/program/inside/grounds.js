// Runs in the app's page, beside sight.js and axe-core: text on gradients, of which axe-core says only that it cannot tell,
// and on a dark page without a colour, which axe-core takes for white.
// Of each text the colours that may lie behind it are collected, more rather than fewer: it is told where it is hard to
// read on all of them. Bounded: a page may have any number of gradients, of any length.

var grounds = (() => {
  const MOST_TEXTS = 400;
  const MOST_LAYERS = 16; // behind one text
  const DEEPEST = 200; // elements behind one text
  const MOST_STOPS = 16; // of one gradient
  const MOST_COLORS = 48; // that are kept of those that may lie behind one text
  const LONGEST = 4_000; // characters of a background, addresses left out
  const MOST_MS = 400;
  const CLEARLY = 0.9; // of the contrast that is needed: what lies behind is known only nearly
  const BETWEEN = [0, 0.25, 0.5, 0.75]; // places between two stops

  const BLACK = [0, 0, 0, 1];
  const WHITE = [255, 255, 255, 1];
  const CLEAR = [0, 0, 0, 0];
  const DARK = [18, 18, 18, 1]; // of a page without a background that is dark

  /** The colours of one page as it stands: what was read once is kept. */
  function reader() {
    const known = { color: new Map(), image: new Map(), style: new Map() };
    const kept = (map, key, make) => (map.has(key) || map.set(key, make(key)), map.get(key));
    const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

    /** [red, green, blue, alpha], or null for what is no colour. */
    function drawn(text) {
      const plain = /^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/.exec(text);
      if (plain) return [+plain[1], +plain[2], +plain[3], +(plain[4] ?? 1)];
      if (!CSS.supports("color", text)) return null;
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = text;
      pen.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
      return [red, green, blue, alpha / 255];
    }

    const color = (text) => kept(known.color, text, drawn);
    const image = (text) => kept(known.image, text, (each) => colorsOf(each, color));
    const style = (one) => kept(known.style, one, getComputedStyle);
    return { color, image, style };
  }

  /** The parts of a list as CSS writes it. */
  function parts(text) {
    const found = [""];
    let depth = 0;
    for (const letter of text) {
      depth += letter === "(" ? 1 : letter === ")" ? -1 : 0;
      if (letter === "," && !depth) found.push("");
      else found[found.length - 1] += letter;
    }
    return found.map((each) => each.trim());
  }

  /** Colours of one image of a background: of a gradient its stops and some between them; null where it is too much to say. */
  function colorsOf(text, color) {
    const gradient = /^(?:repeating-)?(?:linear|radial|conic)-gradient\((.*)\)$/s.exec(text);
    if (!gradient) return [BLACK, WHITE, CLEAR]; // a picture: anything
    const [first, ...rest] = parts(gradient[1]);
    if (/\bin (hsl|hwb|lch|oklch)\b/.test(first)) return null; // goes through other hues
    const stops = [];
    for (const part of [first, ...rest]) {
      const named = /^(?:[\w-]+\([^()]*\)|#?\w+)/.exec(part)?.[0];
      const stop = named && color(named);
      if (stop) stops.push(stop);
      else if (part !== first && !/^(?:[-+.\d]|calc\()/.test(part)) return null;
    }
    if (!stops.length || stops.length > MOST_STOPS) return null;
    return stops.flatMap((stop, at) => (at + 1 < stops.length ? BETWEEN.map((place) => mixed(stop, stops[at + 1], place)) : [stop]));
  }

  /** Colours mix as they cover. */
  function mixed(one, other, place) {
    const alpha = one[3] * (1 - place) + other[3] * place;
    const channel = (at) => (alpha ? (one[at] * one[3] * (1 - place) + other[at] * other[3] * place) / alpha : 0);
    return [channel(0), channel(1), channel(2), alpha];
  }

  const over = ([red, green, blue, alpha], under) => [
    red * alpha + under[0] * (1 - alpha),
    green * alpha + under[1] * (1 - alpha),
    blue * alpha + under[2] * (1 - alpha),
    1,
  ];

  const faded = ([red, green, blue, alpha], opacity) => [red, green, blue, alpha * opacity];

  function luminance([red, green, blue]) {
    const linear = (value) => (value <= 10.31 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  }

  function contrast(one, other) {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }

  const hex = (color) => `#${color.slice(0, 3).map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;

  /** Colours from dark to light, the darkest and the lightest among them where there are too many. */
  function sorted(colors) {
    const apart = [...new Map(colors.map((each) => [hex(each), each])).values()];
    const all = apart.map((each) => [luminance(each), each]).sort(([a], [b]) => a - b).map(([, each]) => each);
    if (all.length <= MOST_COLORS) return all;
    return Array.from({ length: MOST_COLORS }, (_, at) => all[Math.round((at * (all.length - 1)) / (MOST_COLORS - 1))]);
  }

  const ancestors = function* (one) {
    for (let each = one; each; each = eyes.parentOf(each)) yield each;
  };

  const isMixed = ({ mixBlendMode, filter, maskImage }) => mixBlendMode !== "normal" || filter !== "none" || maskImage !== "none";

  /** Whether a background of this size fills its box, or leaves free what is not repeated. */
  const fills = (size, repeat) => !/no-repeat|space|round/.test(repeat) || /^(auto|cover|[1-9]\d{2,}%)( (auto|[1-9]\d{2,}%))?$/.test(size);

  /** Where an element's own text stands. */
  function linesOf(one) {
    const range = document.createRange();
    const nodes = [...one.childNodes].filter((node) => node.nodeType === 3 && node.data.trim()).slice(0, 5);
    const lines = nodes.flatMap((node) => (range.selectNodeContents(node), [...range.getClientRects()].slice(0, 20)));
    return lines.length ? lines : [one.getBoundingClientRect()];
  }

  function isWhollyOn(one, style, lines) {
    if (style.display === "inline" || one === document.body || one === document.documentElement) return true;
    const box = one.getBoundingClientRect();
    return lines.every(({ left, top, right, bottom }) => left >= box.left - 2 && right <= box.right + 2 && top >= box.top - 2 && bottom <= box.bottom + 2);
  }

  /** What an element lays behind a text in `around`, from the top: { one, colors, inText }; null where that is too much
   *  to say. */
  function layersOf(one, around, lines, read) {
    const style = read.style(one);
    if (/^(img|canvas|object|iframe|video|svg|embed)$/i.test(one.localName)) return [{ one, colors: [BLACK, WHITE, CLEAR] }];
    if (style.backdropFilter !== "none" && !/^blur\([^()]*\)$/.test(style.backdropFilter)) return null;
    const written = style.backgroundImage.length < 1_000_000 ? style.backgroundImage.replace(/url\("(?:[^"\\]|\\.)*"\)/g, "url()") : null;
    if (written === null || written.length > LONGEST) return null;
    const images = written === "none" ? [] : parts(written);
    const lists = [style.backgroundSize, style.backgroundRepeat, style.backgroundClip].map(parts);
    const at = (list, number) => list[number % list.length];
    let opacity = 1;
    for (const each of ancestors(one)) {
      if (around.has(each)) break;
      opacity *= +read.style(each).opacity;
      if (isMixed(read.style(each))) return null;
    }
    const whole = isWhollyOn(one, style, lines);
    const layers = [];
    for (const [number, image] of images.entries()) {
      const [size, repeat, clip] = lists.map((list) => at(list, number));
      const colors = read.image(image);
      if (!colors) return null;
      layers.push({ one, inText: clip === "text", colors: whole && fills(size, repeat) ? colors : [...colors, CLEAR] });
    }
    const color = read.color(style.backgroundColor);
    if (!color) return null;
    const clip = at(lists[2], Math.max(0, images.length - 1));
    if (color[3]) layers.push({ one, inText: clip === "text", colors: whole ? [color] : [color, CLEAR] });
    return layers.map((layer) => ({ ...layer, colors: layer.colors.map((each) => faded(each, opacity)) }));
  }

  /** Whether the page itself is dark where nothing of it has a colour. */
  function isDark() {
    const scheme = getComputedStyle(document.documentElement).colorScheme;
    return /dark/.test(scheme) && (!/light/.test(scheme) || matchMedia("(prefers-color-scheme: dark)").matches);
  }

  /** Layers between the text and what is surely opaque, from the top; null where that is too much to say. */
  function layersBehind(text, around, stack, read) {
    const lines = linesOf(text);
    const layers = [];
    for (const one of stack) {
      const more = layersOf(one, around, lines, read);
      if (!more || layers.length + more.length > MOST_LAYERS) return null;
      for (const layer of more) {
        layers.push(layer);
        if (!layer.inText && layer.colors.every(([, , , alpha]) => alpha === 1)) return layers;
      }
    }
    return [...layers, { one: null, colors: [isDark() ? DARK : WHITE] }];
  }

  /** { text, ground, ratio }, each as it is best to read; null where nothing can be said of it. */
  function best(text, stack, read) {
    const style = read.style(text);
    if (style.textShadow !== "none" || parseFloat(style.webkitTextStrokeWidth)) return null;
    const around = new Set(ancestors(text));
    const layers = layersBehind(text, around, stack, read);
    if (!layers) return null;
    let opacity = 1;
    const below = new Set(layers.flatMap(({ one }) => [...ancestors(one)]));
    for (const each of around) {
      const own = read.style(each);
      if (isMixed(own)) return null;
      if (own.opacity === "1") continue;
      if (below.has(each)) return null; // fades with its ground
      opacity *= +own.opacity;
    }
    const fill = read.color(style.webkitTextFillColor);
    const inText = layers.filter((layer) => layer.inText).reverse();
    if (!fill || (!fill[3] && !inText.length)) return null;
    let ground = [BLACK];
    for (const { colors } of layers.filter((layer) => !layer.inText).reverse()) {
      ground = sorted(ground.flatMap((under) => colors.map((each) => over(each, under))));
    }
    let found = null;
    const inks = [];
    for (const under of ground) {
      let own = [under];
      for (const { colors } of inText) own = sorted(own.flatMap((each) => colors.map((color) => over(color, each))));
      for (const each of own) {
        const ink = over(faded(fill, opacity), over(faded(each, opacity), under));
        const ratio = contrast(ink, under);
        inks.push(ink);
        if (!found || ratio > found.ratio) found = { ratio };
      }
    }
    return { ratio: found.ratio, text: inText.length ? span(sorted(inks)) : hex(fill), ground: span(ground) };
  }

  const span = (colors) => (colors.length > 1 ? `${hex(colors[0])} to ${hex(colors.at(-1))}` : hex(colors[0]));

  /** Of elements with the contrast that each needs ({ one, wanted }) those whose text is hard to read on all that may lie
   *  behind it, as [one, { text, ground, ratio, wanted }]; as many as can be looked at until `latest`. */
  function hard(all, latest) {
    const until = Math.min(performance.now() + MOST_MS, latest);
    const read = reader();
    const found = [];
    axe.setup(document);
    try {
      for (const { one, wanted } of all.slice(0, MOST_TEXTS)) {
        if (performance.now() > until) break;
        const stack = axe.commons.color.getBackgroundStack(one);
        const colors = stack && stack.length <= DEEPEST ? best(one, stack, read) : null;
        if (colors && colors.ratio < CLEARLY * wanted) found.push([one, { ...colors, wanted, atBest: true }]);
      }
    } finally {
      axe.teardown();
    }
    return found;
  }

  return { hard, isDark };
})();
