import tseslint from 'typescript-eslint';

/** Rules that find mistakes; style is the formatter's. assembly/ is AssemblyScript, which asc checks. */
export default tseslint.config(
  { ignores: ['**/dist/', 'ts/generated/', 'assembly/', 'node_modules/', '.gpu/', '.cache/', 'docs/api/'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/require-await': 'off', // an async function may throw where its caller expects a rejection
      eqeqeq: 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'name what you export' },
        {
          selector:
            'CallExpression[callee.property.name="throws"][arguments.length=2][arguments.1.raw=/^[\'"`]/]',
          message:
            'a text in this place names the check and is not compared: throws of tests/support/host.ts compares',
        },
      ],
    },
  },
);
