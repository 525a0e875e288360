/** Every built-in heuristic: what it finds, and which good mail may have it all the same. docs/heuristics.md is made of this. */

/** One heuristic, for people. */
export interface HeuristicNote {
  /** What is found. */
  readonly finds: string;
  /** Why good mail hardly has it, and which may. */
  readonly good: string;
}

/** By the name of the finding, without `Heuristic.`. */
export const HEURISTICS = {
  AutoRunMacro: {
    finds:
      "A macro that runs by itself (on opening, closing, drawing) and reaches out of the document: starts programs, fetches files, writes to the registry.",
    good:
      "Macros that do only one of the two are common in offices and no finding. In-house tools that do both are sent seldom; allow their senders or their hashes.",
  },
  ClassIdExtension: {
    finds:
      "A name that ends in a class id in braces: shown without it, opened by that class's program.",
    good: "None known: such names are made by hand only.",
  },
  Dde: {
    finds:
      "A field or cell that starts a program by DDE: in Word, RTF and OpenDocument text; in sheets and CSV where the program is a shell or script host.",
    good:
      "Links of sheets to market data (Bloomberg, Reuters) name their own services and are no finding. Word documents with DDE fields to other offices' sheets are of the 1990s.",
  },
  DiskImageProgram: {
    finds: "A program, script or shortcut in a disk image (ISO, UDF, VHD, VMDK, WIM, ...).",
    good:
      "Files in an image lose the mark of the web, which is why attackers like it. Good images with programs are installation media: too large for mail, as a rule.",
  },
  DisguisedProgram: {
    finds: "A program or shortcut whose name says picture, film, sound, text or document.",
    good: "None known: programs are not named so.",
  },
  DoubleExtension: {
    finds: "Two endings, the second of which is run: `invoice.pdf.exe`, also with blanks between.",
    good:
      "Scripts named after what they make (`report.csv.bat`) exist on developers' disks and are seldom mailed.",
  },
  EncryptedProgram: {
    finds: "A program, by its name, in an encrypted archive, whether a password fitted or not.",
    good:
      "Administrators send tools so to get them past filters: that they are asked is what this is for.",
  },
  ExcelMacroSheet: {
    finds:
      "A sheet of Excel 4.0 macros: in OOXML any, in old workbooks with a name that runs it on opening.",
    good:
      "Excel has had them switched off since 2022. Workbooks of the 1990s may have such sheets, mostly without running them on opening.",
  },
  HtmlSmuggling: {
    finds: "A page or picture (SVG) whose script puts a file together and hands it to the reader.",
    good:
      "Pages of the web do so to export data. In mail, pages that were saved from such a site with all their scripts may have it.",
  },
  LookAlikeLink: {
    finds:
      "A link whose text is an address in one domain and whose target is an IP address, or a host that has that domain within its name or is one sign away from it.",
    good:
      "Targets in just another domain are what every newsletter that counts clicks has: they are no finding. Links to IP addresses under a host's name come from badly set up monitors.",
  },
  OneNoteProgram: {
    finds: "A program, script, shortcut or help file embedded in a OneNote page.",
    good: "Notes with scripts attached are kept in shared notebooks, not sent as files.",
  },
  PackagedProgram: {
    finds:
      "A program, script or shortcut in a document as a packaged object (OLE package), there to be started by a double click.",
    good:
      "Pictures, texts and documents as packaged objects are common and no finding. Manuals of IT departments with scripts in them exist; allow their senders.",
  },
  PackedProgram: {
    finds:
      "A program (PE) whose sections are those of a packer: UPX, ASPack, Themida, VMProtect, ...",
    good:
      "Small tools and some installers are packed with UPX. Programs are rare in good mail at all; allow them by hash.",
  },
  PaddedExtension: {
    finds: "An ending that is run behind a dozen blanks or more.",
    good: "None known.",
  },
  PdfLaunch: {
    finds: "A PDF with an action that starts a program or opens a file of another kind.",
    good:
      "Presentations made of several files have had such links; readers ask or refuse since 2010, so they are hardly used.",
  },
  PdfOpenScript: {
    finds: "A PDF that runs a script as soon as it is opened.",
    good:
      "Forms of authorities do so to fill in dates or check the reader's version. A script that only prints is no finding.",
  },
  RemoteObject: {
    finds:
      "A document that fetches an object from elsewhere as it is opened (URL moniker in OLE, external OLE link in OOXML).",
    good: "Objects linked over the web do not work outside of the network that they were made in.",
  },
  RemoteTemplate: {
    finds: "A document whose template comes from the web or another host's share.",
    good:
      "Templates on the sender's own disk are common and no finding. Companies with templates on SharePoint send documents that still name them: allow such senders.",
  },
  RightToLeftName: {
    finds:
      "A name with marks that turn the direction of text, without letters of scripts that need it.",
    good: "None known: programs set no such marks in names of other scripts.",
  },
  ShortcutCommand: {
    finds:
      "A shortcut (LNK) that runs a shell or script host with arguments, or whose arguments are hidden behind blanks.",
    good: "Shortcuts are not mailed: their targets are on the sender's disk.",
  },
} as const satisfies Readonly<Record<string, HeuristicNote>>;

/** Name of a finding. */
export type HeuristicName = `Heuristic.${keyof typeof HEURISTICS}`;
