"""Operations of the service, one module for each resource.

The API and the pages both call them.
"""
