import { describe, expect, it } from 'vitest';
import { catalogue, check, extract, key, languages, panel, readPo, writePo } from './messages.mjs';

const found = panel();

it('gives every text of the panel to the translator', () => {
  expect(found.wrong).toEqual([]);
  expect(found.messages.size).toBeGreaterThan(800);
});

it.each(languages().map(language => [language.name, language]))('is whole in %s', (_name, language) => {
  expect(check(found.messages, language), 'Run `make messages` and translate what it names.').toEqual([]);
});

describe('what is found', () => {
  const texts = source => extract(source, 'x.tsx').messages.map(({ at, ...text }) => text);
  const wrong = source => extract(source, 'x.tsx').wrong.map(line => line.slice(line.lastIndexOf(': ') + 2));

  it('is literals, also in a choice, in parts and in other texts', () => {
    expect(texts("trans.__(busy ? 'Stop' : 'Send')")).toEqual([{ one: 'Stop' }, { one: 'Send' }]);
    expect(texts("trans.__('a ' + 'b %1', trans.__('c'))")).toEqual([{ one: 'a b %1' }, { one: 'c' }]);
    expect(texts("props.trans._n('%1 app', '%1 apps', n, n)")).toEqual([{ one: '%1 app', many: '%1 apps' }]);
  });

  it('is wrong where nobody could translate it', () => {
    expect(wrong('trans.__(`Opened ${name}`)')).toHaveLength(1);
    expect(wrong('trans.__(name)')).toHaveLength(1);
    expect(wrong('<p>Nothing here</p>')).toEqual(['Nothing here']);
    expect(wrong('<button title="Close" aria-label={open ? "Fold" : label}>×</button>')).toHaveLength(2);
    expect(wrong('<input placeholder={`Find in ${app}`} />')).toHaveLength(1);
    expect(wrong("const entry = { label: 'Rename', key: 'rename' }")).toHaveLength(1);
    expect(wrong("throw new Error('The file is gone.')")).toHaveLength(1);
  });

  it('leaves code alone, and what says that it is no text', () => {
    expect(wrong('<code>{a}.b</code>; <input placeholder="api.example.org" className="Some thing" />')).toEqual([]);
    expect(wrong("// not translated: for the agent\nconst ask = 'Fix this error.'")).toEqual([]);
    expect(wrong("console.warn('It did not work.', error)")).toEqual([]);
  });
});

describe('a catalogue', () => {
  const header = { Language: 'pl_PL', 'Plural-Forms': 'nplurals=3; plural=(n==1 ? 0 : n<5 ? 1 : 2);' };
  const messages = new Map(
    [
      { one: 'Say "%1"\n', at: ['a.ts:1'] },
      { one: '%1 app', many: '%1 apps', at: ['a.ts:2', 'b.ts:1'] }
    ].map(one => [key(one), one])
  );
  const translated = new Map([
    [key({ one: 'Say "%1"\n' }), ['Powiedz "%1"\n']],
    [key({ one: '%1 app', many: '%1 apps' }), ['jedna aplikacja', '%1 aplikacje', '%1 aplikacji']]
  ]);
  const wrongWith = (one, forms) => check(messages, { header, messages: new Map([...translated, [one, forms]]) });

  it('is read as it was written, also as other programs write it', () => {
    const text = writePo(header, messages, translated);
    expect(readPo(text)).toEqual({ header, messages: translated });
    const wrapped = text.replace('msgid "%1 app"', 'msgid ""\n"%1 "\n"app"').replaceAll('\n', '\r\n');
    expect(readPo(`${wrapped}\n#~ msgid "gone"\n#~ msgstr "x"\n`).messages).toEqual(translated);
    expect(readPo(text.replace('#. a.ts\n', '#. a.ts\n#, fuzzy\n')).messages.size).toBe(1);
  });

  it('has all texts, all forms and all places', () => {
    expect(check(messages, { header, messages: translated })).toEqual([]);
    const app = key({ one: '%1 app', many: '%1 apps' });
    expect(wrongWith(app, ['%1', '%1'])).toEqual(['not translated: %1 app']);
    expect(wrongWith(app, ['%2 a', '%1 b', '%1 c'])).toEqual(['other placeholders: %1 app → %2 a']);
    expect(wrongWith(key({ one: 'Say "%1"\n' }), ['Mów %1'])).toHaveLength(1);
    expect(wrongWith('gone', ['x'])).toEqual(['no text of the panel any more: gone']);
  });

  it('is given to JupyterLab as it reads it', () => {
    expect(catalogue({ name: 'pl_PL', header, messages: translated })).toMatchObject({
      '': { domain: 'jupyter_appbuilder', language: 'pl-PL', plural_forms: header['Plural-Forms'] },
      '%1 app': ['jedna aplikacja', '%1 aplikacje', '%1 aplikacji']
    });
  });
});
