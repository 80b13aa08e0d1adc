import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const STYLE = path.join(path.dirname(fileURLToPath(import.meta.url)), '../style');
const sheets = fs.readdirSync(STYLE).filter(name => name.endsWith('.css'));
const SIDES =
  /(^|[\s;-])(left|right)\s*:|-(left|right)-(radius|width|color|style)|(align|float|clear):\s*(left|right)\b/;
const UNEVEN = /(margin|padding|inset|scroll-\w+):\s*\S+ (\S+) \S+ (?!\2;)\S+;/;

it.each(sheets)('%s is laid out by start and end, not by left and right', name => {
  const lines = fs.readFileSync(path.join(STYLE, name), 'utf8').split('\n');
  const wrong = lines.filter(
    line => (SIDES.test(line) && !line.includes('left: 50%')) || (UNEVEN.test(line) && !line.includes('calc('))
  );
  expect(wrong).toEqual([]);
});
