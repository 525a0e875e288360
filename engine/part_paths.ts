/** Names for the nodes of a verdict: unique, printable, of bounded length. */

/** Longest name of an entry inside a path, characters. */
const MAX_NAME = 120;
/** Longest path, characters; deeper ones are numbered from where they would grow over. */
const MAX_PATH = 1000;

/** A path of an entry, and what it was made of. */
export interface MadePath {
  readonly base: string;
  readonly name: string | undefined;
  readonly index: number;
  readonly path: string;
}

/** Gives paths for one verdict. */
export class PartPaths {
  readonly #used = new Set<string>();
  #next = 0;
  #noted: MadePath[] | undefined;

  /** Path of a MIME part below the message `base`, in its reading `reading` (from 1). The body of a message without parts is `~1`. */
  part(base: string, part: string, reading: number): string {
    const name = part === "" ? `~${reading}` : reading === 1 ? part : `${part}~${reading}`;
    return this.#unique(base === "" ? name : `${base}/${name}`);
  }

  /** Path of an entry of a container. Separators within its name stay: they tell where it lies. */
  entry(base: string, name: string | undefined, index: number): string {
    const visible = (name ?? "").replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, "?").replace(/^[/\\]+/, "");
    const short = visible.length > MAX_NAME ? `${visible.slice(0, MAX_NAME)}...` : visible;
    const path = this.#unique(`${base}/${short || `#${index}`}`);
    this.#noted?.push({ base, name, index, path });
    return path;
  }

  /** From here on, what {@link PartPaths.entry} makes is noted. */
  note(): void {
    this.#noted = [];
  }

  /** What it made since then; nothing is noted any more. */
  noted(): readonly MadePath[] {
    const noted = this.#noted ?? [];
    this.#noted = undefined;
    return noted;
  }

  #unique(path: string): string {
    const wanted = path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}...` : path;
    let unique = wanted;
    while (this.#used.has(unique)) unique = `${wanted}#${++this.#next}`;
    this.#used.add(unique);
    return unique;
  }
}
