"""What lies where in a run; which model a name means."""

from eyespot.run_folder.finding import LATEST as LATEST
from eyespot.run_folder.finding import ModelChoice as ModelChoice
from eyespot.run_folder.finding import RunSummary as RunSummary
from eyespot.run_folder.finding import find_card as find_card
from eyespot.run_folder.finding import find_model as find_model
from eyespot.run_folder.finding import find_run as find_run
from eyespot.run_folder.finding import finished as finished
from eyespot.run_folder.finding import latest as latest
from eyespot.run_folder.finding import runs as runs
from eyespot.run_folder.finding import shipped as shipped
from eyespot.run_folder.finding import summarize as summarize
from eyespot.run_folder.folder import RUNS as RUNS
from eyespot.run_folder.folder import Epoch as Epoch
from eyespot.run_folder.folder import RunFolder as RunFolder
from eyespot.run_folder.folder import create as create
from eyespot.run_folder.folder import create_at as create_at
from eyespot.run_folder.folder import discard as discard
from eyespot.run_folder.folder import run_name as run_name
from eyespot.run_folder.small_files import unguarded_text as unguarded_text
from eyespot.run_folder.small_files import write_file as write_file
