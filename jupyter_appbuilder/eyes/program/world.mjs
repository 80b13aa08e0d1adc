// A world of JavaScript of its own in the app's page: the same document, none of what the app's code defined or overrode.

import { readFile } from "node:fs/promises";
import { within } from "./waiting.mjs";

const kit = Promise.all(["sight", "controls", "speed", "grounds"].map((name) => readFile(new URL(`./inside/${name}.js`, import.meta.url), "utf8")));

export class World {
  constructor(page) {
    this.page = page; // of Playwright
    this.frame = null; // of Playwright, the app's
    this.ready = null; // { session, contextId, document }, as long as the app's document is the same
  }

  /** What `act` gives there, as JSON; throws with `timedOut` where that takes too long, and ends what then runs. */
  async run(frame, act, argument = null, milliseconds = 2_500) {
    let world;
    try {
      return await within(milliseconds, this.call(frame, act, argument, (made) => (world = made)));
    } catch (error) {
      if (error.timedOut) void world?.session.send("Runtime.terminateExecution").catch(() => {});
      throw error;
    }
  }

  async call(frame, act, argument, tell) {
    for (let again = false; ; again = true) {
      const world = await this.open(frame);
      tell(world);
      try {
        return await called(world, String(act), argument);
      } catch (error) {
        if (again || error.thrown) throw error;
        this.ready = null; // the document is another one
      }
    }
  }

  async open(frame) {
    if (this.ready && this.frame === frame) return this.ready;
    this.frame = frame;
    const { session, frameId } = await this.attach(frame);
    const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId, worldName: "eyes" });
    this.ready = { session, contextId: executionContextId };
    for (const source of await kit) await evaluated(this.ready, source);
    return this.ready;
  }

  /** A script's text, run there once for each document. */
  async load(frame, name, source) {
    if (await this.run(frame, `(name) => name in globalThis`, name)) return;
    await within(5_000, evaluated(await this.open(frame), source));
  }

  /** The session that reaches the frame, which may have a process of its own, and the frame's id there. */
  async attach(frame) {
    const context = this.page.context();
    const own = await context.newCDPSession(frame).catch(() => null);
    this.whole ??= own ? null : await context.newCDPSession(this.page);
    const session = own ?? this.whole;
    const { frameTree } = await session.send("Page.getFrameTree");
    return { session, frameId: own ? frameTree.frame.id : frameTree.childFrames[0].frame.id };
  }
}

async function called({ session, contextId }, act, argument) {
  const { result, exceptionDetails } = await session.send("Runtime.callFunctionOn", {
    executionContextId: contextId,
    functionDeclaration: act,
    arguments: [{ value: argument }],
    returnByValue: true,
    awaitPromise: true,
  });
  if (exceptionDetails) throw Object.assign(new Error(exceptionDetails.exception?.description ?? exceptionDetails.text), { thrown: true });
  return result.value;
}

async function evaluated({ session, contextId }, expression) {
  const { exceptionDetails } = await session.send("Runtime.evaluate", { contextId, expression });
  if (exceptionDetails) throw Object.assign(new Error(exceptionDetails.exception?.description ?? exceptionDetails.text), { thrown: true });
}
