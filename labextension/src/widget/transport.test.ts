import { describe, expect, it, vi } from 'vitest';
import type { Claim } from '../core/wire/api.generated';
import type { TransportListener } from '../core/wire/transport';
import { snapshot } from '../core/testing/session';
import { CommTransport, type CommModel } from './transport';

class Model implements CommModel {
  readonly sent: { id: number; method: string; params: unknown }[] = [];
  private callbacks = new Set<(content: unknown) => void>();
  get = (): string => '';
  readonly buffers: (readonly ArrayBuffer[] | undefined)[] = [];
  send = (content: unknown, _?: unknown, buffers?: readonly ArrayBuffer[]): void => {
    this.sent.push(content as Model['sent'][0]);
    this.buffers.push(buffers);
  };
  on = (_: string, callback: (content: unknown) => void): void => void this.callbacks.add(callback);
  off = (_: string, callback: (content: unknown) => void): void => void this.callbacks.delete(callback);
  say(content: unknown): void {
    this.callbacks.forEach(callback => callback(content));
  }
}

describe('the comm transport', () => {
  const watch = (): { model: Model; transport: CommTransport; listener: TransportListener } => {
    const model = new Model();
    const transport = new CommTransport(model);
    const listener = { message: vi.fn(), connection: vi.fn(), lastSeq: () => 7 };
    transport.watch(listener);
    return { model, transport, listener };
  };

  it('watches from the last event held', () => {
    const { model, listener } = watch();
    expect(model.sent[0]).toEqual({ id: expect.any(Number), method: 'watch', params: { after: 7 } });
    model.say(snapshot());
    expect(listener.message).toHaveBeenCalledWith(snapshot());
  });

  it('has what components take off it', async () => {
    const { model, transport } = watch();
    const { fork, point, picture } = transport;
    const asked = [fork({ checkpoint: 'c1' }), point({ tag: 'h1' } as Claim), picture('ab')];
    expect(model.sent.slice(-3).map(request => request.method)).toEqual(['fork', 'point', 'picture']);
    for (const { id } of model.sent.slice(-3)) {
      model.say({ reply: id, ok: true, result: 'yes' });
    }
    await expect(Promise.all(asked)).resolves.toEqual(['yes', 'yes', 'data:image/png;base64,yes']);
  });

  it('hands files over as bytes, and sends them by the name they got', async () => {
    const { model, transport } = watch();
    const bytes = (text: string): Blob =>
      ({ arrayBuffer: async () => new TextEncoder().encode(text).buffer }) as unknown as Blob;
    const attached = transport.attach('a.png', bytes('whole'), bytes('small'));
    await vi.waitFor(() => expect(model.sent[1]).toMatchObject({ method: 'attach', params: { name: 'a.png' } }));
    expect(model.buffers[1]?.map(buffer => new TextDecoder().decode(buffer))).toEqual(['whole', 'small']);
    model.say({ reply: model.sent[1]?.id, ok: true, result: { attachment: 'x' } });
    await expect(attached).resolves.toEqual({ attachment: 'x' });
    void transport.send('see', undefined, undefined, ['x']);
    expect(model.sent[2]).toMatchObject({ method: 'send', params: { text: 'see', attachments: ['x'] } });
  });

  it('gives each request its own answer', async () => {
    const { model, transport } = watch();
    const diff = transport.diff('c1');
    const send = transport.send('hello');
    const [asked, told] = model.sent.slice(-2).map(request => request.id);
    model.say({
      reply: told,
      ok: false,
      error: { message: 'A turn is running.', reason: 'session_busy', hint: 'Stop it.' }
    });
    model.say({ reply: asked, ok: true, result: 'the diff' });
    await expect(diff).resolves.toBe('the diff');
    await expect(send).rejects.toMatchObject({
      message: 'A turn is running.',
      reason: 'session_busy',
      hint: 'Stop it.'
    });
  });
});
