/** Chooses the value of one fact so that all that is asked of it comes out as wanted. */
import { attributeRow } from "../attributes.ts";
import { literalAtom, type NumberAtom } from "../tree.ts";
import type { AttachmentFact, Facts } from "../types.ts";
import {
  addressSamples,
  clientSamples,
  enumSamples,
  numberSamples,
  type Samples,
  type SetRef,
  textSamples,
  timeSamples,
} from "./samples.ts";
import type { Goal } from "./solver.ts";

/** Facts to change. */
export type Patch = Partial<Facts>;

/** Finds the value of one fact (an attribute, or all attachments, or the time). */
export class FactFinder {
  readonly #fact: string;
  readonly #goals: readonly Goal[];
  readonly #facts: Facts;
  #complete = true;

  constructor(fact: string, goals: readonly Goal[], facts: Facts) {
    this.#fact = fact;
    this.#goals = goals;
    this.#facts = facts;
  }

  /** After {@link find} gave nothing: it is certain that there is no such value. */
  get complete(): boolean {
    return this.#complete;
  }

  /**
   * @param test Whether all goals come out as wanted with these facts changed.
   * @param harms Whether what a list has in it makes some goal come out as it must not, whatever else is in the list.
   */
  find(test: (patch: Patch) => boolean, harms: (patch: Patch) => boolean): Patch | undefined {
    for (const patch of this.#patches(harms)) if (test(patch)) return patch;
    return undefined;
  }

  /** Sets that the goals ask, of one attribute or of all. */
  #sets(attribute?: string): SetRef[] {
    return this.#goals.flatMap(({ tree, ref }) => {
      const atom = literalAtom(ref);
      const of = tree.atoms[atom]!;
      if (typeof of !== "number") return [];
      return attribute === undefined || tree.attributes[of] === attribute ? [{ tree, atom }] : [];
    });
  }

  #values<T>(samples: Samples<T>): readonly T[] {
    if (!samples.complete) this.#complete = false;
    return samples.values;
  }

  *#patches(harms: (patch: Patch) => boolean): Generator<Patch> {
    if (this.#fact === "attachments") return yield* this.#attachments(harms);
    const { name, parameter } = attributeRow(this.#fact === "time" ? "time:UTC" : this.#fact);
    switch (name) {
      case "agent":
      case "direction":
      case "status":
      case "spf":
      case "dkim":
      case "dmarc":
        for (const value of this.#values(enumSamples(name))) yield { [name]: value };
        break;
      case "tls":
        yield { tls: true };
        yield { tls: false };
        break;
      case "sender":
      case "recipient":
        for (const value of this.#values(addressSamples(this.#sets()))) yield { [name]: value };
        break;
      case "client":
        for (const value of this.#values(clientSamples(this.#sets()))) yield { client: value };
        yield { client: null };
        break;
      case "listener":
        for (const value of this.#values(textSamples(this.#sets()))) yield { listener: value };
        break;
      case "clientName":
      case "helo":
      case "user":
      case "subject":
      case "language":
        for (const value of this.#values(textSamples(this.#sets()))) yield { [name]: value };
        yield { [name]: null };
        break;
      case "size":
      case "spamScore":
      case "signaturesAge":
        for (const value of this.#values(numberSamples(this.#ranges(), name))) {
          yield { [name]: value };
        }
        break;
      case "time":
        for (const value of this.#values(timeSamples(this.#weeks(), this.#facts.time))) {
          yield { time: value };
        }
        return;
      case "finding":
        yield* this.#several(harms, (findings) => ({ findings }));
        break;
      case "spamSymptom":
        yield* this.#several(harms, (spamSymptoms) => ({ spamSymptoms }));
        break;
      case "engineFailed":
        yield* this.#several(harms, (enginesFailed) => ({ enginesFailed }));
        break;
      case "ambiguous":
        yield* this.#several(harms, (ambiguities) => ({ ambiguities }));
        break;
      case "notScanned":
        yield* this.#several(harms, (reasons) => ({ notScanned: reasons as Facts["notScanned"] }));
        break;
      case "header": {
        const others = (this.#facts.headers ?? []).filter((field) =>
          field.name.toLowerCase() !== parameter
        );
        yield* this.#several(harms, (values) => ({
          headers: [...others, ...values.map((value) => ({ name: parameter, value }))],
        }));
        break;
      }
    }
    // What is not known makes no literal true. An agent, listener and time are always known.
    // Header fields are known together, so that one alone cannot be unknown.
    if (name === "header") this.#complete = false;
    else if (name !== "agent" && name !== "listener") yield { [factName(name)]: undefined };
  }

  #ranges(): NumberAtom["ranges"] {
    return this.#goals.flatMap(({ tree, ref }) => {
      const atom = tree.atoms[literalAtom(ref)]!;
      return typeof atom === "object" && atom.kind === "number" ? atom.ranges : [];
    });
  }

  #weeks(): { zone: string; ranges: NumberAtom["ranges"] }[] {
    return this.#goals.flatMap(({ tree, ref }) => {
      const atom = tree.atoms[literalAtom(ref)]!;
      if (typeof atom !== "object" || atom.kind !== "number") return [];
      return [{
        zone: attributeRow(tree.attributes[atom.attribute]!).parameter,
        ranges: atom.ranges,
      }];
    });
  }

  /** Lists of texts: none, each alone, and all together that do no harm: each set wants only one of its own. */
  *#several(
    harms: (patch: Patch) => boolean,
    patch: (texts: readonly string[]) => Patch,
  ): Generator<Patch> {
    const samples = this.#values(textSamples(this.#sets()));
    yield patch([]);
    for (const sample of samples) yield patch([sample]);
    yield patch(samples.filter((sample) => !harms(patch([sample]))));
  }

  *#attachments(harms: (patch: Patch) => boolean): Generator<Patch> {
    const names = textSamples(this.#inside("attachmentName"));
    const extensions = textSamples(this.#inside("attachmentExtension"));
    const types = textSamples(this.#inside("attachmentType"));
    const items: AttachmentFact[] = [];
    const flags = [false, true];
    const someTypes = types.values.filter((type) => type !== "something").slice(0, 40);
    for (const type of ["binary", ...someTypes]) {
      for (const name of ["", ...names.values.slice(0, 40)]) {
        for (const extension of ["", ...extensions.values.slice(0, 40)]) {
          if (items.length > 4000) break;
          const whole = extension === "" ? name : `${name || "x"}.${extension}`;
          for (const encrypted of flags) {
            for (const macro of flags) {
              items.push({ names: whole === "" ? [] : [whole], type, encrypted, macro });
            }
          }
        }
      }
    }
    const kinds = [names, extensions, types].filter(({ values }) => values.length > 1);
    const plain = this.#goals.every(({ tree, ref }) =>
      typeof tree.atoms[literalAtom(ref)] === "number"
    );
    this.#complete = plain && kinds.length <= 1 &&
      kinds.every(({ complete, values }) => complete && values.length <= 40);
    yield { attachments: [] };
    for (const item of items) yield { attachments: [item] };
    yield { attachments: items.filter((item) => !harms({ attachments: [item] })) };
    yield { attachments: undefined };
  }

  /** Sets of an attribute that goals ask, themselves or within an attachment's condition. */
  #inside(attribute: string): SetRef[] {
    return [
      ...this.#sets(attribute),
      ...this.#goals.flatMap(({ tree, ref }): SetRef[] => {
        const atom = tree.atoms[literalAtom(ref)]!;
        if (typeof atom !== "object" || atom.kind !== "attachment") return [];
        const parts = [atom.name, atom.type, atom.extension].filter((part) => part !== undefined);
        return parts.filter((part) => tree.attributes[tree.atoms[part] as number] === attribute)
          .map((part) => ({ tree, atom: part }));
      }),
    ];
  }
}

function factName(name: string): keyof Facts {
  const names: Readonly<Record<string, keyof Facts>> = {
    finding: "findings",
    spamSymptom: "spamSymptoms",
    ambiguous: "ambiguities",
    engineFailed: "enginesFailed",
  };
  return names[name] ?? name as keyof Facts;
}
