/** One style for everything; assembly/ needs a plugin, since its decorators stand where TypeScript allows none. */
export default {
  printWidth: 110,
  singleQuote: true,
  trailingComma: 'all',
  overrides: [{ files: 'assembly/**/*.ts', options: { plugins: ['assemblyscript-prettier'] } }],
};
