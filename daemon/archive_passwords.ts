import type { ScanSettings } from "../engine/types.ts";

/** Passwords of this node that are tried on archives: put into the settings of scans where they are given to a scanner. */
export class ArchivePasswords {
  readonly #passwords: readonly string[];
  /** The same object for the same settings, since what knows settings again knows the object. */
  readonly #made = new WeakMap<ScanSettings, ScanSettings>();

  constructor(passwords: readonly string[]) {
    this.#passwords = passwords;
  }

  /** Settings with these passwords before those that they have. */
  in(settings: ScanSettings): ScanSettings {
    if (this.#passwords.length === 0 || !settings.antivirus) return settings;
    let made = this.#made.get(settings);
    if (!made) {
      const passwords = [...this.#passwords, ...settings.passwords ?? []];
      this.#made.set(settings, made = { ...settings, passwords });
    }
    return made;
  }
}
