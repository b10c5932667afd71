from aurum.cli import main

main()
