import { Option, type Command } from 'commander';
import type { Run, Verb } from './program.js';
import { importInventory, inventory, inventoryItem, type InventoryOptions, portfolio } from './verbs/inventory.js';

/** `perennial inventory …` and `perennial portfolio` */
export function addInventory(verb: Verb, verbOf: (parent: Command) => Verb, run: Run): void {
  const list = verb('inventory', 'Show all models that anybody knows of, registered or not.', 'inventory', 'inventory --unregistered', 'inventory --tier critical --csv > models.csv')
    .option('--stage <stage>', 'only those in a stage, such as production')
    .option('--tier <tier>', 'only those of a tier')
    .option('--owner <name>', 'only those of an owner')
    .option('--unregistered', 'only those that are known by an import alone')
    .addOption(new Option('--csv', 'print a table as CSV').conflicts('json'))
    .action(({ json: _json, ...options }: InventoryOptions & { json?: boolean }) => run((session) => inventory(session, options)));
  const part = verbOf(list.helpCommand(false));
  part('show <model>', 'Show all that is known of one.', 'inventory show flight-delay').action((model: string) => run((session) => inventoryItem(session, model)));
  part('import <file>', 'Bring models that were found elsewhere: a CSV file with a header. The same file once more changes nothing.', 'inventory import found-elsewhere.csv').action((file: string) => run((session) => importInventory(session, file)));
  verb('portfolio', 'Show how mature the care for each model is, its next step, and how fast things go.', 'portfolio', 'portfolio --out portfolio.html')
    .option('-o, --out <file>', 'write it as a page there, too')
    .action(({ out }: { out?: string }) => run((session) => portfolio(session, out === undefined ? {} : { out })));
}
