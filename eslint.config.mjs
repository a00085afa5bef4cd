// `npm run lint`. What the compiler does not see: forgotten promises, imports that should vanish, size, and who reads the
// environment. Which room may import which is told apart, in test/fences/.
import { config, configs } from 'typescript-eslint';

const TESTS = ['**/*.spec.ts', '**/testing/**', '**/*-fixture.ts', 'test/**'];

/** Run before the settings are parsed, or hand them to what they start. */
const ENVIRONMENT_READERS = ['src/config/**', 'src/main.ts', '**/*.mjs', 'bench/**', ...TESTS];

const CORE = {
  'eqeqeq': ['error', 'always', { null: 'ignore' }],
  'no-constant-binary-expression': 'error',
  'no-implicit-coercion': 'error',
  'no-self-compare': 'error',
  'no-template-curly-in-string': 'error',
  'no-unused-private-class-members': 'error',
  'no-useless-assignment': 'error',
  'no-var': 'error',
  'object-shorthand': 'error',
  'prefer-const': 'error',
  'prefer-object-has-own': 'error',
};

export default config(
  { ignores: ['dist/', 'node_modules/', 'var/', 'coverage/', 'test/fences/fixture/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.mjs'],
    extends: [configs.recommended],
    rules: { ...CORE, '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }] },
  },
  {
    files: ['**/*.ts'],
    extends: [configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['vitest.config.ts', 'models/*/*.spec.ts'] }, tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...CORE,
      // Classes whose decorators name their constructor's parameters are left alone: Nest needs them at run time.
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }],
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-invalid-void-type': 'off',
      // What promises by its interface need not wait for anything.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
      // Under noUncheckedIndexedAccess an index that was just checked has no other way to say so.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // Types of the platform and of servers promise more than they keep, such as `isTTY`; a caller names its result.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unnecessary-boolean-literal-compare': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      'max-lines': ['error', 450],
      'max-lines-per-function': ['error', { max: 60, skipComments: true }],
      'max-depth': ['error', 4],
      'max-params': ['error', 7],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true, defaultFrom: true, namedFrom: true, namespaceFrom: true } }],
      'no-restricted-syntax': ['error', { selector: 'TSEnumDeclaration', message: 'A union of string literals says the same and leaves nothing at run time.' }],
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'Only src/config reads the environment: take the value as an argument.' }],
    },
  },
  { files: ['**/*.config.ts'], rules: { 'no-restricted-exports': 'off' } },
  { files: ENVIRONMENT_READERS, rules: { 'no-restricted-properties': 'off' } },
  {
    // Answers of HTTP calls are of any shape, and a suite is as long as its cases.
    files: TESTS,
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
);
