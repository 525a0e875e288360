/** Facts as the tree asks them: each attribute is read at most once a decision, and only if something asks it. */
import { type AttributeName, attributeRow, ATTRIBUTES, phaseNumber } from "../attributes.ts";
import type { DecisionTree, TreeTable } from "../tree.ts";
import type { AttachmentFact, Facts } from "../types.ts";
import { ZoneClock } from "./clock.ts";
import { type Hits, SetTable } from "./set_table.ts";

/** One attribute that a tree asks, ready. */
interface Asked {
  readonly name: AttributeName;
  /** Lower-case name of a header field. */
  readonly parameter: string;
  readonly values: readonly string[];
  readonly table: SetTable | undefined;
  readonly clock: ZoneClock | undefined;
}

/** Reads facts. */
export class KnownFacts {
  readonly #asked: readonly Asked[];
  /** By attribute: number of the phase from which on it is known. */
  readonly phases: Int32Array;
  /** By attribute: a number's value, or an enumeration's. */
  readonly values: Float64Array;
  /** By attribute: whether there is any at all. */
  readonly present: Uint8Array;
  readonly #known: Uint8Array;
  readonly #readAt: Int32Array;
  #epoch = 0;
  #facts: Facts | undefined;

  constructor(tree: DecisionTree, hits: Hits, groupOf: (atom: number) => number) {
    const tables = new Map<number, TreeTable>(tree.tables.map((table) => [table.attribute, table]));
    this.#asked = tree.attributes.map((attribute, number) => {
      const { name, parameter, row } = attributeRow(attribute);
      const table = tables.get(number);
      return {
        name,
        parameter,
        values: "values" in row ? row.values ?? [] : [],
        table: table && new SetTable(table, hits, name === "recipient" ? groupOf : undefined),
        clock: name === "time" ? new ZoneClock(parameter) : undefined,
      };
    });
    const count = tree.attributes.length;
    this.phases = Int32Array.from(this.#asked, ({ name }) => phaseNumber(ATTRIBUTES[name].phase));
    this.values = new Float64Array(count);
    this.present = new Uint8Array(count);
    this.#known = new Uint8Array(count);
    this.#readAt = new Int32Array(count);
  }

  /** Begins with other facts. */
  begin(facts: Facts): void {
    this.#facts = facts;
    this.#epoch = (this.#epoch + 1) | 0;
  }

  /** Reads an attribute: its atoms are told, its value is set. @returns false when it is not known. */
  read(attribute: number): boolean {
    if (this.#readAt[attribute] === this.#epoch) return this.#known[attribute] === 1;
    this.#readAt[attribute] = this.#epoch;
    const known = this.#read(attribute, this.#asked[attribute]!, this.#facts!);
    this.#known[attribute] = known ? 1 : 0;
    return known;
  }

  #read(attribute: number, asked: Asked, facts: Facts): boolean {
    switch (asked.name) {
      // What rules ask most stands first: the cases are compared in turn.
      case "sender":
        return this.#address(asked, facts.sender);
      case "recipient":
        return this.#address(asked, facts.recipient);
      case "client":
        if (facts.client === undefined) return false;
        this.present[attribute] = facts.client === null ? 0 : 1;
        if (facts.client !== null) asked.table?.client(facts.client);
        return true;
      case "clientName":
        return this.#text(attribute, asked, facts.clientName);
      case "subject":
        return this.#text(attribute, asked, facts.subject);
      case "attachmentName":
      case "attachmentExtension":
        return this.#names(asked, facts.attachments, asked.name === "attachmentExtension");
      case "size":
        return this.#number(attribute, facts.size);
      case "spamScore":
        return this.#number(attribute, facts.spamScore);
      case "attachmentType":
        if (facts.attachments === undefined) return false;
        for (let i = 0; i < facts.attachments.length; i++) {
          asked.table?.text(facts.attachments[i]!.type);
        }
        return true;
      case "header":
        return this.#header(attribute, asked, facts.headers);
      case "helo":
        return this.#text(attribute, asked, facts.helo);
      case "direction":
        return this.#enum(attribute, asked, facts.direction);
      case "spf":
        return this.#enum(attribute, asked, facts.spf);
      case "dmarc":
        return this.#enum(attribute, asked, facts.dmarc);
      case "dkim":
        return this.#enum(attribute, asked, facts.dkim);
      case "status":
        return this.#enum(attribute, asked, facts.status);
      case "agent":
        return this.#enum(attribute, asked, facts.agent);
      case "tls":
        if (facts.tls === undefined) return false;
        this.values[attribute] = facts.tls ? 1 : 0;
        return true;
      case "time":
        return this.#number(attribute, asked.clock!.minuteOfWeek(facts.time));
      case "signaturesAge":
        return this.#number(attribute, facts.signaturesAge);
      case "listener":
        return this.#text(attribute, asked, facts.listener);
      case "user":
        return this.#text(attribute, asked, facts.user);
      case "language":
        return this.#text(attribute, asked, facts.language);
      case "ambiguous":
        return this.#texts(attribute, asked, facts.ambiguities);
      case "finding":
        return this.#texts(attribute, asked, facts.findings);
      case "notScanned":
        return this.#texts(attribute, asked, facts.notScanned);
      case "engineFailed":
        return this.#texts(attribute, asked, facts.enginesFailed);
      case "spamSymptom":
        return this.#texts(attribute, asked, facts.spamSymptoms);
      case "attachment":
        return facts.attachments !== undefined;
    }
  }

  #enum(attribute: number, { values }: Asked, value: string | undefined): boolean {
    if (value === undefined) return false;
    let number = 0;
    // Most values are told from others by their first unit.
    const first = value.charCodeAt(0);
    while (
      number < values.length &&
      (values[number]!.charCodeAt(0) !== first || values[number] !== value)
    ) number++;
    this.values[attribute] = number;
    return true;
  }

  #number(attribute: number, value: number | undefined): boolean {
    if (value === undefined || Number.isNaN(value)) return false;
    this.values[attribute] = value;
    return true;
  }

  #address({ table }: Asked, address: string | undefined): boolean {
    if (address === undefined) return false;
    table?.address(address);
    return true;
  }

  #text(attribute: number, { table }: Asked, text: string | null | undefined): boolean {
    if (text === undefined) return false;
    this.present[attribute] = text === null ? 0 : 1;
    if (text !== null) table?.text(text);
    return true;
  }

  #texts(attribute: number, { table }: Asked, texts: readonly string[] | undefined): boolean {
    if (texts === undefined) return false;
    this.present[attribute] = texts.length > 0 ? 1 : 0;
    if (table) { for (let i = 0; i < texts.length; i++) table.text(texts[i]!); }
    return true;
  }

  #header(attribute: number, { table, parameter }: Asked, headers: Facts["headers"]): boolean {
    if (headers === undefined) return false;
    this.present[attribute] = 0;
    for (let i = 0; i < headers.length; i++) {
      const field = headers[i]!;
      if (field.name.length !== parameter.length || field.name.toLowerCase() !== parameter) {
        continue;
      }
      this.present[attribute] = 1;
      table?.text(field.value);
    }
    return true;
  }

  #names(
    { table }: Asked,
    attachments: readonly AttachmentFact[] | undefined,
    extensions: boolean,
  ): boolean {
    if (attachments === undefined) return false;
    for (let i = 0; i < attachments.length; i++) {
      const names = attachments[i]!.names;
      for (let k = 0; k < names.length; k++) {
        const name = names[k]!;
        let end = name.length; // as trimName does, without a new string
        while (end > 0 && (name.charCodeAt(end - 1) === 46 || name.charCodeAt(end - 1) === 32)) {
          end--;
        }
        if (!extensions) {
          table?.text(name);
          if (end < name.length) table?.text(name, 0, end);
        } else {
          let dot = end - 1;
          while (dot >= 0 && name.charCodeAt(dot) !== 46) dot--;
          if (dot >= 0) table?.text(name, dot + 1, end);
        }
      }
    }
    return true;
  }
}
