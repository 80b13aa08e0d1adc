/** The person's settings, as they are now. */

import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Signal } from '@lumino/signaling';

export interface Values {
  openOnStartup: 'first-time' | 'always' | 'never';
  model: string;
  template: string;
  autoOpenPreview: boolean;
  sendKey: 'enter' | 'modifier-enter';
  tour: boolean;
}

const DEFAULTS: Values = {
  openOnStartup: 'first-time',
  model: '',
  template: '',
  autoOpenPreview: true,
  sendKey: 'enter',
  tour: true
};

export class Settings {
  readonly changed = new Signal<this, Values>(this);
  /** Resolves when they have been read, or cannot be. */
  readonly ready: Promise<void>;
  private current = DEFAULTS;
  private loaded: ISettingRegistry.ISettings | null = null;

  constructor(registry: ISettingRegistry | null, plugin: string) {
    this.ready = registry ? this.read(registry, plugin) : Promise.resolve();
  }

  get values(): Values {
    return this.current;
  }

  /** Keep what the person prefers. Rejects where nothing can be kept. */
  async set(change: Partial<Values>): Promise<void> {
    for (const [name, value] of Object.entries(change)) {
      await this.loaded?.set(name, value);
    }
  }

  private async read(registry: ISettingRegistry, plugin: string): Promise<void> {
    try {
      const loaded = await registry.load(plugin);
      this.loaded = loaded;
      const take = (): void => {
        this.current = { ...DEFAULTS, ...(loaded.composite as Partial<Values>) };
        this.changed.emit(this.current);
      };
      loaded.changed.connect(take);
      take();
    } catch (error) {
      console.error('The settings of the App Builder could not be read.', error);
    }
  }
}
