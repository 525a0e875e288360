/** `when` as a formula of literals in which only atoms are negated. */
import type { ListAttribute } from "../check_policy.ts";
import { LIST_PARTS } from "../check_policy.ts";
import { attachmentTypesOf } from "../attachment_types.ts";
import type { Condition, Policy } from "../schema.ts";
import { literal } from "../tree.ts";
import { parseSize, parseTime } from "../units.ts";
import type { AtomBuilder } from "./atoms.ts";
import { complement, type Limits, type Range, rangeOf, union, weekRanges } from "./ranges.ts";

/** An item of a set as a document has it. */
type SetItem = string | { readonly list: string } | { readonly group: string } | {
  readonly present: boolean;
};
type OneOrMore<T> = T | readonly T[];

/** Turns conditions of one document into formulas of one {@link AtomBuilder}. */
export class ConditionCompiler {
  readonly #policy: Policy;
  readonly #atoms: AtomBuilder;
  /** Set atom of a group with all below it, by name. */
  readonly #groups: ReadonlyMap<string, number>;
  readonly #lists = new Map<string, number>();
  readonly #types = new Map<string, number>();
  readonly #typeLabels = new Map<number, string>();

  constructor(policy: Policy, atoms: AtomBuilder, groups: ReadonlyMap<string, number>) {
    this.#policy = policy;
    this.#atoms = atoms;
    this.#groups = groups;
  }

  /** @returns a literal or node: true, false or unknown exactly where the condition (or, negated, its opposite) is. */
  compile(when: Condition, negated = false): number {
    const refs: number[] = [];
    const add = (ref: number) => void refs.push(ref);
    for (const name of Object.keys(when) as (keyof Condition)[]) {
      const value = when[name];
      if (value === undefined) continue;
      switch (name) {
        case "agent":
        case "direction":
        case "status":
        case "spf":
        case "dkim":
        case "dmarc":
          add(this.#atoms.enumeration(name, [value].flat() as string[], negated));
          break;
        case "tls":
          add(this.#atoms.enumeration("tls", [String(value)], negated));
          break;
        case "listener":
        case "spamSymptom":
          add(this.#set(name, value as OneOrMore<string>, negated));
          break;
        case "client":
        case "sender":
        case "recipient":
        case "clientName":
        case "helo":
        case "user":
        case "subject":
        case "language":
        case "finding":
          add(this.#set(name, value as OneOrMore<SetItem>, negated));
          break;
        case "size":
          add(
            this.#number(name, [when.size!].flat().map((one) => limits(one, parseSize)), negated),
          );
          break;
        case "signaturesAge":
          add(
            this.#number(
              name,
              [when.signaturesAge!].flat().map((one) => limits(one, parseTime)),
              negated,
            ),
          );
          break;
        case "spamScore":
          add(this.#number(name, [when.spamScore!].flat(), negated));
          break;
        case "time":
          add(this.#time(when, negated));
          break;
        case "header":
          add(this.#join([when.header!].flat().map((one) => this.#header(one, negated)), negated));
          break;
        case "attachment":
          add(
            this.#join(
              [when.attachment!].flat().map((one) => this.#attachment(one, negated)),
              negated,
            ),
          );
          break;
        case "infected":
          add(this.#infected(when, negated));
          break;
        case "notScanned":
        case "ambiguous":
        case "engineFailed":
          add(
            typeof value === "boolean"
              ? this.#present(name, value, negated)
              : this.#set(name, value as OneOrMore<string>, negated),
          );
          break;
        case "not":
          add(this.compile(when.not!, !negated));
          break;
        case "any":
          add(this.#join(when.any!.map((one) => this.compile(one, negated)), negated));
          break;
        case "all":
          add(this.#join(when.all!.map((one) => this.compile(one, negated)), !negated));
          break;
      }
    }
    return this.#join(refs, !negated);
  }

  /** All of the refs, or any of them. */
  #join(refs: readonly number[], all: boolean): number {
    return all ? this.#atoms.all(refs) : this.#atoms.any(refs);
  }

  /** Atom of the part of a list that an attribute asks; each list once. */
  list(name: string, attribute: ListAttribute, asked: string): number {
    const identity = `${asked} ${name}`;
    let atom = this.#lists.get(identity);
    if (atom === undefined) {
      const items = this.#policy.lists[name]?.[LIST_PARTS[attribute]] ?? [];
      atom = this.#atoms.set(asked, items, []);
      this.#lists.set(identity, atom);
    }
    return atom;
  }

  /** Sets with a name: lists that were asked, and groups of types. */
  labels(): [atom: number, label: string][] {
    return [
      ...[...this.#lists].map(([identity, atom]): [number, string] => [
        atom,
        `in list ${identity.slice(identity.indexOf(" ") + 1)}`,
      ]),
      ...this.#typeLabels,
    ];
  }

  /** Atom of a set of patterns and lists. */
  setAtom(items: readonly SetItem[], attribute: string, asked: string = attribute): number {
    const patterns: string[] = [];
    const subsets: number[] = [];
    for (const item of items) {
      if (typeof item === "string") patterns.push(item);
      else if ("list" in item) {
        subsets.push(this.list(item.list, attribute as ListAttribute, asked));
      } else if ("group" in item) subsets.push(this.#groups.get(item.group)!);
    }
    return this.#atoms.set(asked, patterns, subsets);
  }

  #set(attribute: string, value: OneOrMore<SetItem>, negated: boolean, asked = attribute): number {
    if (typeof value === "string") return literal(this.#atoms.single(asked, value), negated);
    const items = [value].flat() as SetItem[];
    const members = items.filter((item) => typeof item === "string" || !("present" in item));
    const refs = items.flatMap((item) =>
      typeof item === "object" && "present" in item
        ? [this.#present(asked, item.present, negated)]
        : []
    );
    if (members.length > 0) refs.push(literal(this.setAtom(members, attribute, asked), negated));
    return this.#join(refs, negated);
  }

  #present(attribute: string, present: boolean, negated: boolean): number {
    return literal(
      this.#atoms.atom({
        kind: "presence",
        attribute: this.#atoms.attribute(attribute),
        present: present !== negated,
      }),
      false,
    );
  }

  #number(attribute: string, asked: readonly Limits[], negated: boolean): number {
    return this.#ranges(
      attribute,
      union(asked.map(rangeOf).filter((range) => range !== undefined)),
      negated,
    );
  }

  #ranges(attribute: string, ranges: readonly Range[], negated: boolean): number {
    return literal(
      this.#atoms.atom({
        kind: "number",
        attribute: this.#atoms.attribute(attribute),
        ranges: negated ? complement(ranges) : ranges,
      }),
      false,
    );
  }

  #time(when: Condition, negated: boolean): number {
    const byZone = new Map<string, Range[]>();
    for (const { days, hours, zone } of [when.time!].flat()) {
      const ranges = weekRanges(
        days === undefined ? undefined : [days].flat(),
        hours === undefined ? undefined : [hours].flat(),
      );
      byZone.set(zone, union([...(byZone.get(zone) ?? []), ...ranges]));
    }
    return this.#join(
      [...byZone].map(([zone, ranges]) => this.#ranges(`time:${zone}`, ranges, negated)),
      negated,
    );
  }

  #header(
    one: NonNullable<Exclude<Condition["header"], readonly unknown[]>>,
    negated: boolean,
  ): number {
    const asked = `header:${one.name.toLowerCase()}`;
    if (one.value === undefined) return this.#present(asked, one.present ?? true, negated);
    return this.#set("header", one.value, negated, asked);
  }

  #attachment(
    one: NonNullable<Exclude<Condition["attachment"], readonly unknown[]>>,
    negated: boolean,
  ): number {
    const parts: { name?: number; type?: number; extension?: number } = {};
    if (one.name !== undefined) {
      parts.name = this.setAtom([one.name].flat(), "attachment.name", "attachmentName");
    }
    if (one.type !== undefined) {
      const types = [one.type].flat().flatMap((type) => attachmentTypesOf(type));
      const identity = types.join();
      parts.type = this.#types.get(identity) ?? this.#atoms.set("attachmentType", types, []);
      this.#types.set(identity, parts.type);
      this.#typeLabels.set(parts.type, [one.type].flat().join(" or "));
    }
    if (one.extension !== undefined) {
      parts.extension = this.setAtom(
        [one.extension].flat(),
        "attachment.extension",
        "attachmentExtension",
      );
    }
    const sets = Object.values(parts);
    const flags = one.encrypted !== undefined || one.macro !== undefined;
    if (sets.length === 1 && !flags) return literal(sets[0]!, negated);
    const whole = literal(
      this.#atoms.atom({
        kind: "attachment",
        attribute: this.#atoms.attribute("attachment"),
        ...parts,
        ...(one.encrypted === undefined ? {} : { encrypted: one.encrypted }),
        ...(one.macro === undefined ? {} : { macro: one.macro }),
      }),
      negated,
    );
    // Some attachment must have each property alone: implied, and what the tables can find.
    return negated ? whole : this.#atoms.all([...sets.map((atom) => literal(atom, false)), whole]);
  }

  #infected(when: Condition, negated: boolean): number {
    const value = when.infected!;
    if (typeof value === "boolean") {
      return this.#atoms.enumeration("status", ["infected"], negated === value);
    }
    return this.#join([
      this.#atoms.enumeration("status", ["infected"], negated),
      this.#set("finding", value as OneOrMore<SetItem>, negated),
    ], !negated);
  }
}

function limits(
  range: { readonly [Key in keyof Limits]?: string | undefined },
  parse: (text: string) => number | undefined,
): Limits {
  const number = (text: string | undefined) => text === undefined ? undefined : parse(text);
  return {
    over: number(range.over),
    atLeast: number(range.atLeast),
    under: number(range.under),
    atMost: number(range.atMost),
  };
}
