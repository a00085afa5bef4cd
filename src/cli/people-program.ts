import { type Command, Option } from 'commander';
import { PRINCIPAL_KINDS, type Role, ROLES } from '../contracts/roles.js';
import type { Run, Verb } from './program.js';
import { addPerson, grantRole, type IdentityOptions, identifyPerson, issueKey, type NewPersonOptions, people, person, replacePerson, revokeKey, revokeRole, type RoleOptions, setPersonActive } from './verbs/people.js';

type Why = { readonly reason: string };
const REASON = ['--reason <text>', 'why, for the record'] as const;
const MODEL = ['--model <name>', 'of this model; for all of them where it is not given'] as const;

/** `perennial people …` */
export function addPeople(verb: Verb, run: Run): void {
  verb('list', 'List people and services with their roles.', 'people list').action(() => run(people));
  verb('show <name>', 'Show one of them, with roles and keys that were.', 'people show ann').action((name: string) => run((session) => person(session, name)));
  verb('add <name>', 'Register a person or a service.', 'people add ann --issuer https://login.example.com --subject 00u1x2', 'people add nightly --kind service')
    .addOption(new Option('--kind <kind>', 'what they are').choices(PRINCIPAL_KINDS).default('person'))
    .option('--issuer <url>', 'the OpenID Connect issuer of their tokens')
    .option('--subject <sub>', 'their subject there')
    .action((name: string, { kind, issuer, subject }: NewPersonOptions) => run((session) => addPerson(session, name, { kind, ...(issuer === undefined ? {} : { issuer }), ...(subject === undefined ? {} : { subject }) })));
  verb('identify <name>', 'Say whose tokens a known name\'s are, or that a service is a person.', 'people identify ann --issuer https://login.example.com --subject 00u1x2', 'people identify bob --kind person --reason "bob was registered by an upgrade"')
    .addOption(new Option('--kind <kind>', 'that they are a person').choices(['person']))
    .option('--issuer <url>', 'the OpenID Connect issuer of their tokens')
    .option('--subject <sub>', 'their subject there')
    .option('--reason <text>', 'why, for the record; needed where another identity or kind is replaced')
    .action((name: string, options: IdentityOptions) => run((session) => identifyPerson(session, name, options)));
  for (const active of [false, true]) {
    const name = active ? 'activate' : 'deactivate';
    verb(`${name} <name>`, active ? 'Let somebody act again.' : 'Refuse somebody for the time being; roles are kept.', `people ${name} ann --reason "parental leave"`).requiredOption(...REASON)
      .action((whom: string, { reason }: Why) => run((session) => setPersonActive(session, active, whom, reason)));
  }
  addRoles(verb, run);
  verb('key <name>', 'Make an API key and print it, once.', 'people key nightly').action((name: string) => run((session) => issueKey(session, name)));
  verb('revoke-key <name> <key>', 'Revoke an API key by its id.', 'people revoke-key nightly 0d9b5a6e-3f0b-4a39-9f2b-0d5a4a2b7f10 --reason "it was in a log"').requiredOption(...REASON)
    .action((name: string, key: string, { reason }: Why) => run((session) => revokeKey(session, name, key, reason)));
  verb('replace <name> <by>', 'Give all roles of somebody who leaves to somebody else, and end their access. For a new account of the same person: people identify.', 'people replace ann bob --reason "ann leaves"').requiredOption(...REASON)
    .action((name: string, by: string, { reason }: Why) => run((session) => replacePerson(session, name, by, reason)));
}

function addRoles(verb: Verb, run: Run): void {
  const withRole = (command: Command): Command => command.argument('<role>', ROLES.join(', ')).option(...MODEL);
  withRole(verb('grant <name>', 'Give a role for one model or for all.', 'people grant ann developer --model flight-delay'))
    .action((name: string, role: Role, { model }: RoleOptions) => run((session) => grantRole(session, name, role, model === undefined ? {} : { model })));
  withRole(verb('revoke <name>', 'Take a role away.', 'people revoke ann developer --model flight-delay --reason "another team"')).requiredOption(...REASON)
    .action((name: string, role: Role, { model, reason }: RoleOptions & Why) => run((session) => revokeRole(session, name, role, { reason, ...(model === undefined ? {} : { model }) })));
}
