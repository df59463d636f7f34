"""What the tokens of consoles stand for (os-console-auth-tokens)."""
