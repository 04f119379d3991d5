/** The style of assembly/, as .oxfmtrc.json has it for everything else. */
export default {
  printWidth: 110,
  singleQuote: true,
  trailingComma: 'all',
  overrides: [{ files: 'assembly/**/*.ts', options: { plugins: ['assemblyscript-prettier'] } }],
};
