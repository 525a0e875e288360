/** What a signature asks of the containers around a content. */

/** Types of each layer, the outermost first; an empty layer is any type. No layer at all: the content lies in nothing. */
export type ContainerLayers = readonly (readonly string[])[];

/** Between the types of a chain of containers, the outermost first: `message>zip`. */
export const LAYER_SEPARATOR = ">";

const ANY = "*";
const NOTHING = "!";

/** As it stands in a module. */
export function layersWord(layers: ContainerLayers): string {
  if (layers.length === 0) return NOTHING;
  return layers.map((types) => types.length === 0 ? ANY : types.join(",")).join(LAYER_SEPARATOR);
}

/** A word of a module, made ready. */
export class LayersTest {
  readonly #layers: readonly (ReadonlySet<string> | undefined)[] | undefined;

  constructor(word: string) {
    this.#layers = word === NOTHING
      ? undefined
      : word.split(LAYER_SEPARATOR).map((types) =>
        types === ANY ? undefined : new Set(types.split(","))
      );
  }

  /** Whether the innermost containers of a chain are what is asked. */
  holds(chain: string | undefined): boolean {
    if (!this.#layers) return chain === undefined;
    const types = chain?.split(LAYER_SEPARATOR) ?? [];
    const first = types.length - this.#layers.length;
    return first >= 0 &&
      this.#layers.every((layer, i) => layer === undefined || layer.has(types[first + i] ?? ""));
  }
}

/** A chain with one more container within it. */
export function layerWithin(chain: string | undefined, type: string): string {
  return chain === undefined ? type : chain + LAYER_SEPARATOR + type;
}

/** The innermost container of a chain, as facts have it. */
export function innermost(chain: string | undefined): { readonly container?: string } {
  if (chain === undefined) return {};
  return { container: chain.slice(chain.lastIndexOf(LAYER_SEPARATOR) + 1) };
}
