"""The functions of `import pg`: each makes a study of its arguments, and does with it what the workflow's jobs do."""
